// Which versions of the engines have a hole.

import { assert, assertEquals } from "@std/assert";
import { deniesNewSystemd, knownHole } from "../../../lib/engine/known_holes.ts";

Deno.test("knownHole() knows each line of versions that was repaired, and takes all others for vulnerable", () => {
  for (
    const [cli, vulnerable, repaired] of [
      [
        "lxc",
        ["4.0.10", "5.0.2", "5.0.8", "5.1", "5.21", "5.21.6", "6.1", "6.9"],
        ["5.0.9", "5.0.10", "5.21.7", "5.21.10", "6.10", "6.10.1", "6.11", "7.0"],
      ],
      ["incus", ["0.1", "6.0.4", "6.0.9", "6.23", "7.0.0", "7.0", "7.1"], ["7.0.1", "7.0.12", "7.2", "7.10", "8.0.0"]],
    ] as const
  ) {
    for (const version of vulnerable) assert(knownHole(cli, version), `${cli} ${version}`);
    for (const version of repaired) assertEquals(knownHole(cli, version), undefined, `${cli} ${version}`);
  }
});

Deno.test("deniesNewSystemd() knows LXD before it was repaired, and no Incus", () => {
  const denies = (cli: "lxc" | "incus", ...versions: string[]): boolean[] =>
    versions.map((version) => deniesNewSystemd(cli, version));
  assertEquals(denies("lxc", "5.0.2", "5.21.4", "5.21.5", "6.6", "6.7"), [true, true, false, true, false]);
  assertEquals(denies("incus", "6.0.4", "7.0.2"), [false, false]);
});
