/** The names of the scripts as the user has to type them. */

/**
 * The name of a script as the running one was called, such as `./attach.ts`. Its first lines put that into
 * `$GUI_CALLED`; without it, the name stays as it is.
 */
export function calledName(script: string, env: (name: string) => string | undefined): string {
  const [, directory = ""] = /^(.*\/)[^/]*\.ts$/.exec(env("GUI_CALLED") ?? "") ?? [];
  return directory + script;
}

/** A text in which the scripts at the beginning of command lines have these names. */
export function asCalled(text: string, env: (name: string) => string | undefined): string {
  const scripts =
    /(?<![\w/.-])(?:create|attach|map)\.ts(?= (?:-|\S+ -- ))|(?<=(?:For example|Start one): )(?:create|attach|map)\.ts(?= )/g;
  return text.replace(scripts, (script) => calledName(script, env));
}
