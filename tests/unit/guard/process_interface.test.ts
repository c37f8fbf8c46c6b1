// What a guard's process is started with.

import { assertEquals, assertMatch } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { runProcess } from "../../../lib/base/process.ts";
import { guardArgv, guardWords } from "../../../lib/guard/process_interface.ts";

for (const wire of ["wayland", "xpra"] as const) {
  Deno.test(`the guard on ${wire} starts with its own modules alone, and the permissions that it is given`, async () => {
    const argv = guardArgv(wire, {
      request: { directory: "/nowhere" },
      paths: ["/a", "/b"],
      sockets: ["/a/s", "/b/s"],
    });
    assertEquals(argv.filter((word) => word.startsWith("--allow")), [
      "--allow-read=/a,/b",
      "--allow-write=/a,/b",
      "--allow-net=unix:/a/s,unix:/b/s",
    ]);
    const [module, word, request] = argv.slice(-3);
    assertEquals([word, request], [guardWords[wire], '{"directory":"/nowhere"}']);
    const graph = (await runProcess([Deno.execPath(), "info", "--json", fromFileUrl(module!)])).stdout;
    const paths = JSON.parse(graph).modules.map(({ local }: { local?: string }) => local ?? "");
    const strangers = paths.filter((path: string) => !/\/lib\/(?:guard|base|std)\/|\/jpeg-js\/|^$/.test(path));
    assertEquals(strangers, []);
    // It ends at once, by what is missing in the request or with its input.
    const { stdout, stderr } = await runProcess(argv, { okCodes: "any" });
    assertMatch(stdout + stderr, new RegExp(`/guard/${wire}/process\\.ts|^windows: none$`, "m"));
  });
}
