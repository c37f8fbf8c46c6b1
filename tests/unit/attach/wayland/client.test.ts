import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { newTransport } from "../../../../lib/attach/wayland/client.ts";
import makeContext from "../../../../lib/attach/wayland/make_context.sh" with { type: "text" };
import { runProcess } from "../../../../lib/base/process.ts";
import { withValues } from "../../../../lib/base/shell_words.ts";
import { testWith } from "../../samples.ts";

/** waypipe on a busy machine: it listens, and looks for its context's socket later. Then the session ends. */
const slowWaypipe = `#!/usr/bin/env python3
import os, socket, sys, time

unused = sys.argv[sys.argv.index("--socket") + 1]
context = os.path.dirname(unused) + f"/waypipe-secctx-{os.getpid()}"
sockets = [socket.socket(socket.AF_UNIX) for _ in range(3)]
for listener, path in zip(sockets, [context, unused]):
    listener.bind(path)
    listener.listen()
time.sleep(0.3)
try:
    sockets[2].connect(context)
    print("found", flush=True)
finally:
    open(os.environ["END"], "w").close()
`;

testWith(["python3", "mkfifo"], "a context of a waypipe that is slow stays where waypipe looks for it", async () => {
  const own = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(join(own, "waypipe"), slowWaypipe, { mode: 0o755 });
    const transport = newTransport();
    const script = withValues(makeContext, { shared: own, transport, app_id: "box", own });
    // What waits on in the script for a session that never comes holds its output open.
    const lines = ["/bin/sh", "-c", '/bin/sh -c "$1" 2>/dev/null | head -n 2', "sh", script];
    const { stdout } = await runProcess(lines, {
      stdin: { text: "keep\n" },
      env: { PATH: `${own}:${Deno.env.get("PATH")}`, END: join(own, `${transport}~end`) },
      timeoutMs: 20_000,
    });
    assertEquals(stdout, "ready\nfound\n");
    assertEquals((await Deno.lstat(join(own, "display"))).isSocket, true);
  } finally {
    await Deno.remove(own, { recursive: true });
  }
});
