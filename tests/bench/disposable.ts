/** Rows: how long until an app in a disposable copy of a container has a window. */

import { startProcess } from "../../lib/base/process.ts";
import { settle } from "./load.ts";
import type { Row } from "./row.ts";
import { container, engine, makeContainer, probe, root, run, seconds } from "./world.ts";

const needs = ["user", "lxc", "display", "windowManager", "bus", "xpra", "imageXpra"] as const;

/** Command to first painted window. */
async function throwAway(): Promise<number> {
  const window = await probe<unknown>("window", `\\[${container}-d[0-9a-f]{5}\\] xclock`, "60");
  const argv = ["./attach.ts", "--quiet", "--deny=sound", "--disposable", container, "xclock"];
  const attach = startProcess(argv, { cwd: root });
  const taken = await seconds(() => Promise.race([window.seen, attach.ended]));
  for (const { container: copy } of JSON.parse(await run(["./attach.ts", "--json", "--list"]))) {
    if (copy.startsWith(`${container}-d`)) await run([engine, "exec", copy, "--", "pkill", "xclock"]);
  }
  await attach.ended;
  await settle();
  return taken;
}

/** All rows about disposable copies. */
export const disposableRows: readonly Row[] = [
  {
    measures: [{ name: "attach in a copy of the container, `--disposable`", unit: "s" }],
    needs,
    rounds: 4,
    before: makeContainer,
    ways: { ours: async () => [await throwAway()] },
  },
];
