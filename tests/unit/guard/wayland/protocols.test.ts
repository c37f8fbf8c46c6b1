// The table of protocols is whole.

import { assert, assertEquals } from "@std/assert";
import { globals } from "../../../../lib/guard/wayland/rules.ts";
import { protocols } from "../../../../lib/guard/wayland/protocols.ts";

Deno.test("the table of protocols has all globals that pass, and every interface that they lead to", () => {
  for (const name of ["wl_display", ...globals]) {
    const { requests, events } = protocols.get(name)!;
    for (const { args } of [...requests, ...events]) {
      for (const { interface: other } of args) assert(other === undefined || protocols.has(other), other);
    }
  }
  const { name, args } = protocols.get("wl_surface")!.requests[1]!;
  assertEquals([name, ...args.map(({ name }) => name)], ["wl_surface.attach", "buffer", "x", "y"]);
});
