/** The scripts with all that they import in one file each, which needs no import map, no cache and no network. */

import { fromFileUrl, join } from "@std/path";
import { runProcess } from "../lib/base/process.ts";

const root = fromFileUrl(new URL("..", import.meta.url));

/** A script with all that it imports. */
export interface Bundle {
  /** The commands for sh in its first lines, the last of which starts Deno. */
  header: string[];
  /** The JavaScript. */
  code: string;
}

/** The name of a script where it is installed. */
export function installedName(script: string): string {
  return `gui-${script}`;
}

/** A text of the checkout as it reads where the scripts are installed: there `attach.ts` is called `gui-attach`. */
export function withInstalledNames(text: string): string {
  return text.replace(/(?<![\w/.-])(create|attach|map)\.ts\b/g, (_, script) => installedName(script));
}

/** The commands for sh in the first lines of a script. */
export function headerOf(text: string): string[] {
  const [first = ""] = text.split(" # */\n", 1);
  return first.split("\n").filter((line) => !/^[#/]/.test(line));
}

/** Bundles a script. */
export async function bundle(script: string): Promise<Bundle> {
  const file = await Deno.makeTempFile({ suffix: ".js" });
  try {
    const path = join(root, `${script}.ts`);
    await runProcess([Deno.execPath(), "bundle", "--quiet", "--output", file, path], { cwd: root });
    const code = (await Deno.readTextFile(file)).replace(/^#!.*\n+/, "")
      // The bundler names each file by its path from here, and so shows where this machine keeps packages.
      .replace(/^\/\/ .*\/npm\/[^/\n]+\/([^/\n]+)\/(\d[^/\n]*)\//gm, "// npm:$1@$2/");
    return { header: headerOf(await Deno.readTextFile(path)), code: withInstalledNames(code) };
  } finally {
    await Deno.remove(file);
  }
}

/** A bundle as one file for sh and for Deno. */
export function singleFile({ header, code }: Bundle): string {
  return `#!/bin/sh
/*bin/true 2>/dev/null # A comment for JavaScript, commands for sh: $PATH without relative directories, the path of this file, one
# permission a line, and Deno. Below is what "deno bundle" makes of the script and all that it imports.
${header.join("\n")} # */
${code}`;
}

/**
 * A bundle's first lines as a script of their own.
 *
 * @param options `module`: the path of the bundle's JavaScript; `deno`: that of Deno, if not the one on `$PATH`
 */
export function launcher(
  { header }: Bundle,
  { module, deno = "deno" }: { module: string; deno?: string | undefined },
): string {
  const commands = header
    // The package's own Deno is new enough.
    .filter((command) => deno === "deno" || !command.includes("$(deno -V "))
    .map((command) =>
      command.replace(/^set -- "\$(?:me|\(.* readlink .*\))"/, `set -- ${module}`).replace(
        /^exec deno /,
        `exec ${deno} `,
      )
    );
  return `#!/bin/sh
# $PATH without relative directories, the program, one permission a line, and Deno.
${commands.join("\n")}
`;
}
