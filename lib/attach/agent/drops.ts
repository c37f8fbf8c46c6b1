/** Files that the user drops on a window, pastes there, or drags out of one. */

import { UserError } from "../../base/errors.ts";
import { givenTo } from "../../channels/file_dialogs.ts";
import { linesOf } from "../../channels/file_list.ts";
import type { RunIo, Served } from "../../channels/io.ts";
import type { Container } from "../../container/container.ts";
import { rate } from "../../guard/rate.ts";
import type { LendList } from "../../guard/wayland/dropped_files.ts";

/** How many files may be dragged out at once: as many as may wait until those before them are here. */
const maxFilesOut = 4;

/** An address of a file. */
const fileAddress = /^file:\/\/(?:localhost)?\/[!-~]{1,4000}$/i;

/**
 * Has the agent hand over the files that the user drags out of a window, as it does files that an app opens by
 * xdg-open, and they are handled alike. The host never looks at the paths that the app names.
 *
 * @throws {UserError} when the list names no file, too many or something else
 */
export function handOut({ label }: Pick<Container, "label">, { send }: Pick<RunIo, "send">, list: string): void {
  const lines = linesOf(list);
  const isLong = lines.length > maxFilesOut;
  if (!isLong && lines.length > 0 && lines.every((line) => fileAddress.test(line))) return send({ hand: lines });
  const why = isLong ? `more than ${maxFilesOut} files` : "it is not a file";
  throw new UserError(`Files dragged out of "${label}" stay there: ${why}`, { hint: "Use its share" });
}

/** The rate of drags out of a window: each runs a program in the container. */
const handOutRate = { burst: 6, perSecond: 0.2 };

/**
 * Lends what is dropped on a window, or pasted, while `dialogs` is open, and takes what is dragged out while `files` is;
 * undefined where neither is served.
 *
 * @param options `lost`: what the container cannot do
 */
export function givesFiles(
  container: Container,
  { io, open, served, lost }: {
    io: RunIo;
    open: ReadonlySet<string>;
    served: ReadonlyMap<string, Served>;
    lost: ReadonlySet<string>;
  },
): LendList | undefined {
  if (!served.has("dialogs") && !served.has("files")) return undefined;
  const { host, label } = container;
  const mayHandOut = rate(handOutRate, io.now);
  return async (list, how) => {
    if (how !== "out") {
      if (open.has("dialogs")) return await served.get("dialogs")!.give!(list, how);
      host.ui.status(`Files ${givenTo(label, how)} are not lent: dialogs is closed`);
      return "";
    }
    const why = !open.has("files")
      ? "files is closed"
      : lost.has("files")
      ? "its apps go without files"
      : mayHandOut()
      ? undefined
      : "those are too many at once. Drag them again later";
    if (why) host.ui.status(`Files dragged out of "${label}" stay there: ${why}`);
    else await Promise.try(handOut, container, io, list).catch(io.tellError);
    return "";
  };
}
