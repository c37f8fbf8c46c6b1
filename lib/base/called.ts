/** The names of the scripts as the user must type them. */

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
