import { assertEquals, assertThrows } from "@std/assert";
import { findHostUid, hostUid, type IdMapRange } from "../../../lib/engine/id_map.ts";
import { UserError } from "../../../lib/base/errors.ts";

function range(Nsid: number, Hostid: number, Maprange: number, only?: "uid" | "gid"): IdMapRange {
  const range = { Isuid: only !== "gid", Isgid: only !== "uid", Hostid, Nsid, Maprange };
  return range;
}

/** A container that runs with this id map. */
const withMap = (...map: readonly IdMapRange[]): { config: Record<string, string> } => ({
  config: { "volatile.idmap.current": JSON.stringify(map) },
});

Deno.test("hostUid() counts from the start of the range, whatever the engine chose", () => {
  assertEquals(hostUid(withMap(range(0, 1000000, 1000000000)), "1000"), 1001000);
  assertEquals(hostUid(withMap(range(0, 100000, 65536)), "1000"), 101000);
  // security.idmap.isolated
  assertEquals(hostUid(withMap(range(0, 1065536, 65536)), "1000"), 1066536);
  assertEquals(hostUid(withMap(range(0, 100000, 65536)), "0"), 100000);
});

Deno.test("hostUid() takes the range that has the user, and ranges of users only", () => {
  // raw.idmap "uid 1000 1000": three ranges for users, one for groups.
  const map = withMap(
    range(0, 555, 65536, "gid"),
    range(0, 100000, 1000, "uid"),
    range(1000, 1000, 1, "uid"),
    range(1001, 101001, 64535, "uid"),
  );
  assertEquals(["999", "1000", "1001", "65535"].map((uid) => hostUid(map, uid)), [100999, 1000, 101001, 165535]);
});

Deno.test("hostUid() refuses a user beyond the map, and a privileged container's empty map", () => {
  for (
    const map of [
      withMap(),
      withMap(range(0, 100000, 1000)),
      withMap(range(1001, 100000, 5)),
      withMap(range(0, 100000, 65536, "gid")),
      { config: {} },
    ]
  ) {
    assertThrows(() => hostUid(map, "1000"), UserError, "no user 1000");
    assertEquals(findHostUid(map, 1000), undefined);
  }
});

Deno.test("hostUid() knows the user of a container that has not run by the ids that it will have", () => {
  const uid = (current?: string): number => {
    const config = { "volatile.idmap.next": JSON.stringify([range(0, 200_000, 65536)]) };
    return hostUid({ config: { ...config, ...(current && { "volatile.idmap.current": current }) } }, "1000");
  };
  assertEquals([uid(), uid("[]"), uid(JSON.stringify([range(0, 100_000, 65536)]))], [201_000, 201_000, 101_000]);
});
