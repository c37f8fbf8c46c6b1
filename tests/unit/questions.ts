/** Questions to the user, for tests. */

import type { AskableChannel } from "../../lib/guard/channel.ts";
import type { Question } from "../../lib/guard/consent.ts";

export function question(text = "https://example.org/", channel: AskableChannel = "links"): Question {
  return { channel, what: "open a link", details: [["Address", text]] };
}
