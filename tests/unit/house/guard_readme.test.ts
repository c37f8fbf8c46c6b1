// The examples of lib/guard/README.md run as they stand there, with two sockets and no other permission.

import { assert } from "@std/assert";
import { delay } from "@std/async";
import { dirname, fromFileUrl, join } from "@std/path";
import { startProcess } from "../../../lib/base/process.ts";
import { readChunks } from "../../../lib/guard/sockets.ts";
import { encodePacket } from "../../../lib/guard/xpra/packets.ts";
import { clientHello } from "../../fuzz/samples.ts";
import { word } from "../wayland_samples.ts";

const readme = fromFileUrl(new URL("../../../lib/guard/README.md", import.meta.url));
const [xpra, wayland] = [...(await Deno.readTextFile(readme)).matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code]) =>
  code!
);

const examples = [
  { wire: "xpra", code: xpra!, first: encodePacket(clientHello) },
  // waypipe's version, byte order and compression, and the number of its connection.
  { wire: "Wayland", code: wayland!, first: [word(2 ** 16 | 2 ** 8 | 2 ** 7), new Uint8Array(12)] },
];

for (const { wire, code, first } of examples) {
  Deno.test(`lib/guard/README.md: the example for ${wire} passes what an end says first`, async () => {
    const directory = await Deno.makeTempDir();
    const [guard, server] = [join(directory, "guard"), join(directory, "server")];
    const listener = Deno.listen({ transport: "unix", path: server });
    const script = join(directory, "example.ts");
    const text = code.replaceAll("/run/me", directory).replace('from ".', `from "${dirname(readme)}`);
    await Deno.writeTextFile(script, text);
    const config = `--config=${join(dirname(readme), "../../deno.json")}`;
    const own = `${guard},${server}`;
    const allowed = [`--allow-read=${own}`, `--allow-write=${own}`, `--allow-net=unix:${guard},unix:${server}`];
    const process = startProcess([Deno.execPath(), "run", "--no-check", "--no-prompt", config, ...allowed, script]);
    try {
      let near: Deno.Conn | undefined;
      let failed: string | undefined;
      process.ended.then(({ stderr }) => failed = stderr);
      while (!near && failed === undefined) {
        near = await Deno.connect({ transport: "unix", path: guard }).catch(() => delay(20)) ?? undefined;
      }
      assert(near, failed);
      for (const part of first) await near.write(part);
      using far = await listener.accept();
      const { value } = await readChunks(far, 2 ** 16).next();
      assert(value && value.length > 0);
      near.close();
    } finally {
      process.kill("SIGKILL");
      await process.ended;
      listener.close();
      await Deno.remove(directory, { recursive: true });
    }
  });
}
