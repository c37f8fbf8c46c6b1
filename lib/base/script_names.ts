/** The names of the scripts as the user must type them, and the file that a shell starts. */

import { fromFileUrl } from "@std/path";

/**
 * The file of the running script as a shell starts it: one of the checkout, a binary, the command of Debian's package,
 * or just the script's name if the module is not a file.
 */
export function programPath(script: string): string {
  if (Deno.build.standalone) return Deno.execPath();
  if (Deno.mainModule.startsWith("file:///usr/share/")) return `/usr/bin/${script}`;
  return Deno.mainModule.startsWith("file:") ? fromFileUrl(Deno.mainModule) : script;
}

/**
 * The name of a script, written in the way the running one was called: `./attach.ts` for `attach.ts`. The first lines
 * of each script set `$GUI_CALLED`; without that variable, the name is returned unchanged.
 */
export function calledName(script: string, env: (name: string) => string | undefined): string {
  const [, directory = ""] = /^(.*\/)[^/]*\.ts$/.exec(env("GUI_CALLED") ?? "") ?? [];
  return directory + script;
}

/** Replaces the scripts' names at the start of command lines in a text by their {@linkcode calledName}. */
export function asCalled(text: string, env: (name: string) => string | undefined): string {
  const scripts =
    /(?<![\w/.-])(?:create|attach|map)\.ts(?= (?:-|\S+ -- ))|(?<=(?:For example|Start one): )(?:create|attach|map)\.ts(?= )/g;
  return text.replace(scripts, (script) => calledName(script, env));
}
