/**
 * Removes what a test run that was killed has left: instances, profiles and directories whose names start with `e2e-`,
 * on each engine. Nothing else in the lab is called so.
 */

import { join } from "@std/path";
import { runProcess } from "../../lib/base/process.ts";
import { engineNames, missingParts } from "../lab/state.ts";
import { mountsRoot } from "./world.ts";

for (const engine of engineNames) {
  if (missingParts(engine)) continue;
  for (const kind of ["instances", "profiles"]) {
    const { stdout } = await runProcess([engine, "query", `/1.0/${kind}`]);
    const names = (JSON.parse(stdout) as string[]).map((url) => url.split("/").at(-1)!);
    for (const name of names.filter((name) => name.startsWith("e2e-"))) {
      const remove = kind === "instances" ? ["delete", "--force", name] : ["profile", "delete", name];
      await runProcess([engine, ...remove], { output: "inherit", okCodes: "any" });
    }
  }
}
for (const directory of [mountsRoot, Deno.env.get("HOME")!]) {
  for await (const { name } of readDirectory(directory)) {
    if (!name.startsWith("e2e-")) continue;
    const path = join(directory, name);
    // Some tests close a directory to their user.
    await runProcess(["chmod", "--recursive", "u+rwX", "--", path], { okCodes: "any" });
    await Deno.remove(path, { recursive: true });
  }
}

async function* readDirectory(path: string): AsyncGenerator<Deno.DirEntry> {
  try {
    yield* Deno.readDir(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
