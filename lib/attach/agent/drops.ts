/** Files that the user drops on a window, pastes into it, or drags out of it. */

import { givenTo } from "../../channels/file_dialogs.ts";
import type { RunIo, Served } from "../../channels/io.ts";
import type { Container } from "../../container/container.ts";
import { rate } from "../../guard/rate.ts";
import { type LendList, linesOf } from "../../guard/wayland/dropped_files.ts";

/** How many files may be dragged out at once: as many as may wait for those before them. */
const maxFilesOut = 4;

/** A `file:` URL. */
const fileAddress = /^file:\/\/(?:localhost)?\/[!-~]{1,4000}$/i;

/** The rate of drags out of a window. */
const handOutRate = { burst: 6, perSecond: 0.2 };

/**
 * Returns a function that lends dropped and pasted files while `dialogs` is open, and takes files that are dragged out
 * while `files` is; undefined if neither is served. The agent hands over dragged files like those that an app opens by
 * xdg-open: the host itself never opens the paths that the app names.
 *
 * @param options `lost`: the channels that the container cannot use
 */
export function givesFiles(
  { host, label }: Pick<Container, "host" | "label">,
  { io, open, served, lost }: {
    io: Pick<RunIo, "now" | "send" | "tellError">;
    open: ReadonlySet<string>;
    served: ReadonlyMap<string, Served>;
    lost: ReadonlySet<string>;
  },
): LendList | undefined {
  if (!served.has("dialogs") && !served.has("files")) return undefined;
  const mayHandOut = rate(handOutRate, io.now);
  return async (list, how) => {
    if (how !== "out") {
      if (open.has("dialogs")) return await served.get("dialogs")!.give!(list, how);
      host.ui.status(`Files ${givenTo(label, how)} are not lent: dialogs is closed`);
      return "";
    }
    const lines = linesOf(list);
    const why = !open.has("files")
      ? "files is closed"
      : lost.has("files")
      ? "its apps cannot use files"
      : lines.length > maxFilesOut
      ? `more than ${maxFilesOut} files`
      : lines.length === 0 || !lines.every((line) => fileAddress.test(line))
      ? "it is not a file"
      : mayHandOut()
      ? undefined
      : "too many are dragged at once. Drag them again later";
    if (why) io.tellError(new Error(`Files dragged out of "${label}" stay there: ${why}`));
    else io.send({ hand: lines });
    return "";
  };
}
