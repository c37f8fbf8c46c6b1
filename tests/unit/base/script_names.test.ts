import { assertEquals } from "@std/assert";
import { asCalled, calledName } from "../../../lib/base/script_names.ts";

Deno.test("asCalled() names the scripts in command lines as the running one was called", () => {
  const text =
    "Not by create.ts: see attach.ts --help, map.ts --list, attach.ts box -- x, not ./map.ts -x or my-map.ts -x. For example: create.ts box";
  for (
    const [called, seen] of [
      [
        "./create.ts",
        text.replace(" attach.ts --h", " ./attach.ts --h").replace(" map.ts --", " ./map.ts --")
          .replace(" attach.ts box", " ./attach.ts box").replace("example: create", "example: ./create"),
      ],
      ["attach.ts", text],
      ["/usr/bin/gui-attach", text],
      [undefined, text],
    ]
  ) assertEquals(asCalled(text, () => called), seen);
  assertEquals(calledName("map.ts", () => "/opt/a b/attach.ts"), "/opt/a b/map.ts");
});
