import { assertEquals } from "@std/assert";
import { inCheckout } from "../../tools/coverage.ts";

Deno.test("inCheckout() knows the scripts and the library wherever the checkout was seen, and nothing else", () => {
  for (const place of ["/home/me/gui-container", "/run/lab/checkouts/0f/main"]) {
    assertEquals(inCheckout(`file://${place}/lib/map/acl.ts`, "/c"), "file:///c/lib/map/acl.ts");
    assertEquals(inCheckout(`file://${place}/map.ts`, "/c"), "file:///c/map.ts");
    for (const path of ["tests/unit/acl.test.ts", "tests/bench/map.ts", "tools/compile.ts", "lib/std/path.d.ts"]) {
      assertEquals(inCheckout(`file://${place}/${path}`, "/c"), undefined, path);
    }
  }
  assertEquals(inCheckout("file:///home/me/.cache/deno/npm/x/node_modules/y/lib/z.ts", "/c"), undefined);
  assertEquals(inCheckout("https://example.org/lib/map/acl.ts", "/c"), undefined);
});
