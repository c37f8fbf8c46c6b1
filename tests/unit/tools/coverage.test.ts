import { assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { figureOf, inCheckout, modulesOf } from "../../../tools/coverage.ts";

Deno.test("inCheckout() knows every module of the checkout wherever that was seen, and nothing else", () => {
  const modules = modulesOf(fromFileUrl(new URL("../../..", import.meta.url)));
  for (const path of ["map.ts", "lib/base/host.ts", "lib/container/lend/acl.ts", "lib/guard/wayland/policy.ts"]) {
    assertEquals(modules.includes(path), true, path);
  }
  for (const place of ["/home/me/gui-container", "/run/lab/checkouts/0f/main"]) {
    for (const path of modules) assertEquals(inCheckout(`file://${place}/${path}`, "/c"), `file:///c/${path}`);
    for (
      const path of [
        "tests/unit/container/lend/acl.test.ts",
        "tests/bench/map.ts",
        "tools/compile.ts",
        "lib/std/path.d.ts",
      ]
    ) {
      assertEquals(inCheckout(`file://${place}/${path}`, "/c"), undefined, path);
    }
  }
  assertEquals(inCheckout("file:///home/me/.cache/deno/npm/x/node_modules/y/lib/z.ts", "/c"), undefined);
  assertEquals(inCheckout("https://example.org/lib/container/acl.ts", "/c"), undefined);
});

Deno.test("figureOf() counts what no test has loaded, but for types", () => {
  const lcov = "SF:/c/map.ts\nDA:1,1\nLH:3\nLF:4\nend_of_record\nSF:/c/lib/a.ts\nLH:0\nLF:2\nend_of_record\n";
  const modules = new Map([
    ["/c/map.ts", "const a = 1;\n"],
    ["/c/lib/a.ts", "const a = 1;\n"],
    ["/c/lib/types.ts", "/** A. */\nexport interface A {\n  b: string;\n}\n"],
    ["/c/lib/unseen.ts", "/** B. */\n\nexport function b(): void {\n  // Nothing.\n  c();\n  d();\n}\n"],
  ]);
  assertEquals(figureOf(lcov, modules), 30);
});
