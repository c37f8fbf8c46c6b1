/**
 * Standalone binaries of the scripts: `deno task compile [--target TARGET]`. Each has the permissions of its script
 * baked in; what is scoped to a directory of the user's there cannot be here, since the directory is not known yet.
 */

import { parseArgs } from "node:util";
import { fromFileUrl, join } from "@std/path";
import { runProcess } from "../lib/base/process.ts";

const root = fromFileUrl(new URL("..", import.meta.url));

/** The scripts, without their suffix. */
export const scripts = ["create", "attach", "map"] as const;

/**
 * The permissions and limits of a script for `deno compile`, from the first lines of its text. A value with a shell variable in it
 * is a directory of the user's, which is not known yet: that permission is given without a scope. attach.ts itself, which it
 * may start, then has to be on `$PATH`.
 */
export function permissionsOf(text: string): string[] {
  const [, options = ""] = /^exec deno run --quiet (.+) "\$@" # /m.exec(text) ?? [];
  const lines = [...text.matchAll(/^set -- (--allow-[a-z]+)(=.+)? "\$@"$/gm)];
  const permissions = lines.map(([, name, scope = ""]) =>
    name === "--allow-run"
      ? name + scope.replace(/^="(.*)\$me"$/, "=$1,gui-attach")
      : scope.includes("$")
      ? name!
      : name! + scope.replace(/^='(.*)'$/, "=$1")
  );
  return [...options.split(" "), ...permissions];
}

/** The command line that compiles a script. */
export function compileArgv(script: string, text: string, target: string | undefined): string[] {
  return [
    Deno.execPath(),
    "compile",
    "--quiet",
    ...permissionsOf(text),
    ...(target === undefined ? [] : ["--target", target]),
    "--output",
    join(root, "bin", target ?? "", `gui-${script}`),
    join(root, `${script}.ts`),
  ];
}

if (import.meta.main) {
  const { values: { target } } = parseArgs({ options: { target: { type: "string" } } });
  for (const script of scripts) {
    const argv = compileArgv(script, await Deno.readTextFile(join(root, `${script}.ts`)), target);
    await runProcess(argv, { cwd: root, output: "inherit" });
    Deno.stdout.writeSync(new TextEncoder().encode(`${argv.at(-2)}\n`));
  }
}
