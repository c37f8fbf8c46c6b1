/** What an app asks of the host's desktop once its words are safe: a link is opened, or a notification shown. */

import { notificationArgv } from "../base/desktop.ts";
import { UserError } from "../base/errors.ts";
import type { Host } from "../base/host.ts";
import type { DesktopRequest } from "../guard/xpra/judge.ts";

/**
 * Opens a link or shows a notification. What `xdg-open` starts may be the user's
 * browser, which must outlive this run: Ctrl-C does not reach it, and it never writes to a pipe that ends with us.
 */
export function askDesktop(host: Host, request: DesktopRequest): void {
  const argv = request.kind === "link" ? ["xdg-open", request.url] : notificationArgv(request);
  try {
    host.start(argv, { detached: true, output: "discard" }).ended.then(({ code }) => {
      if (code !== 0) host.ui.warn(`${argv[0]} ended with exit status ${code}: try it in a terminal`);
    });
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    host.ui.warn(`${error.message}. ${error.hint}`);
  }
}
