/**
 * The guard of one client of xpra's. It ends when its input does.
 *
 * Usage: xpra_guard.ts SOCKET SERVER DIRECTION: listens at SOCKET, connects to SERVER; DIRECTION is that of the clipboard,
 * in xpra's words.
 */

import { startGuard } from "../../lib/guard/xpra/guard.ts";

function say(line: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`guard: ${line}\n`));
}

const [listen, server, direction] = Deno.args as [string, string, string];
await using guard = startGuard({
  listen,
  connect: Promise.resolve(server),
  container: "box",
  open: new Set([
    ...["both", "to-server"].includes(direction) ? ["clipboard-in" as const] : [],
    ...["both", "to-client"].includes(direction) ? ["clipboard-out" as const] : [],
  ]),
  report: say,
});
const isOver = Deno.stdin.readable.pipeTo(new WritableStream());
const reason = await Promise.race([isOver, guard.ended]);
if (reason) say(reason);
