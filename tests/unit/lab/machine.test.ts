import { assert } from "@std/assert";
import { hasIds } from "../../lab/machine.ts";

Deno.test("hasIds() compares what containers are given with what the machine has", () => {
  const all = "         0          0 4294967295\n";
  const ofDocker = "         0     100000      65536\n";
  const ofIncus = "         0    1000000 1000000000\n";
  assert(hasIds(all) && hasIds(ofIncus));
  assert(!hasIds(ofDocker), "as many as a container of the machine's own needs");
  assert(!hasIds(ofIncus, { first: 1_000_000, count: 1_000_000_000 }), "more than there are");
  assert(hasIds(ofIncus, { first: 1_000_000, count: 65_536 }), "the owner has narrowed it");
  assert(!hasIds("0 1000 1\n1 100000 65536\n"), "rootless: two lines");
});
