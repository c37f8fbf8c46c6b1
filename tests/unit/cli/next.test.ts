// What a script without arguments says to type next.

import { assertEquals, assertStringIncludes } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { runProcess } from "../../../lib/base/process.ts";
import { nextLine } from "../../../lib/cli/next.ts";
import { mountsIn } from "../../../lib/container/paths.ts";

const root = fromFileUrl(new URL("../../..", import.meta.url));

Deno.test("a script without arguments says what to type next, by the containers and sessions that there are", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const env = { GUI_CONTAINER_MOUNTS: join(directory, "mounts") };
    const host = { env: (name: string) => (env as Record<string, string>)[name] };
    const add = async (name: string, session?: string): Promise<void> => {
      const { directory, sockets, knownHosts } = mountsIn(host, name);
      await Deno.mkdir(sockets, { recursive: true });
      await Deno.writeTextFile(knownHosts, "");
      if (session !== undefined) Deno.listen({ transport: "unix", path: join(sockets, session) }).unref();
      assertStringIncludes(directory, name);
    };
    const first = "Next, make a container: create.ts my-container ~/.ssh/id_ed25519.pub gui firefox";
    assertEquals(await nextLine(host), first);
    await add("bank");
    assertEquals(await nextLine(host), 'Next, run an app in "bank": attach.ts bank APP');
    await add("web", "firefox");
    await add("web", "$(id)");
    assertEquals(await nextLine(host), 'Next, show "firefox" again: attach.ts web');
    await add("web", "xterm");
    assertEquals(await nextLine(host), 'Next, show "firefox" again: attach.ts --session=firefox web');
    for (const script of ["create", "attach"]) {
      const { code, stdout, stderr } = await runProcess([join(root, `${script}.ts`)], { okCodes: "any", env });
      assertEquals([code, stdout], [2, ""]);
      assertStringIncludes(stderr, `/attach.ts --session=firefox web\n`);
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
