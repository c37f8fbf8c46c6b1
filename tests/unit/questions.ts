/** Questions to the user, for tests. */

import type { ChannelName } from "../../lib/channels/table.ts";
import type { Question } from "../../lib/guard/consent.ts";

export function question(text = "https://example.org/", channel: ChannelName = "links"): Question {
  return { channel, what: "open a link", details: [["Address", text]] };
}
