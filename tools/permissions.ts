/** Writes into the scripts' first lines which programs each may start, by the table of programs: `deno task permissions`. */

import { programs, type ScriptName } from "../lib/base/programs.ts";

export const scripts: readonly ScriptName[] = ["create", "attach", "map"];

export const fileOf = (script: ScriptName): URL => new URL(`../${script}.ts`, import.meta.url);

/** The text of a script with its programs; attach.ts's shell adds that script itself. */
export function withPrograms(text: string, script: ScriptName): string {
  const names = Object.keys(programs).filter((name) => programs[name]!.scripts.includes(script));
  return text.replace(/^(set -- --allow-run="?)[\w,.-]+/m, (_, start: string) => start + names.join(","));
}

if (import.meta.main) {
  for (const script of scripts) {
    const text = await Deno.readTextFile(fileOf(script));
    await Deno.writeTextFile(fileOf(script), withPrograms(text, script));
  }
}
