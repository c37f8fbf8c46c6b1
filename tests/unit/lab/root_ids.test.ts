import { assertEquals } from "@std/assert";
import { rootRanges } from "../../lab/root_ids.ts";

Deno.test("rootRanges() finds the range that LXD's package has added to that of Incus's", () => {
  const incus = "gui-lab:100000:65536\nroot:1000000:1000000000\n";
  const both = `${incus}_lxd:1001000000:10000001\nroot:1001000000:10000001\n`;
  assertEquals(rootRanges(both), { count: 2, added: "root:1001000000:10000001" });
  assertEquals(rootRanges(incus), { count: 1, added: undefined });
  assertEquals(rootRanges("_lxd:100000:10000001\nroot:100000:10000001\n"), { count: 1, added: undefined }, "LXD alone");
  assertEquals(rootRanges(""), { count: 0, added: undefined });
});

Deno.test("rootRanges() leaves an owner's ranges alone", () => {
  const own = "root:1000000:1000000000\nroot:5000000000:65536\n";
  assertEquals(rootRanges(own), { count: 2, added: undefined });
  assertEquals(rootRanges(`${own}_lxd:100000:10000001\n`), { count: 2, added: undefined });
});
