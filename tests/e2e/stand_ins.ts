/** Programs that stand in for the host's: attach.ts finds them first, and they note what they are asked, or answer. */

import { join } from "@std/path";

/** A directory of the user's with such programs, until the end of its scope. */
export interface StandIns extends AsyncDisposable {
  /** It is in the user's home, whose files can be lent. */
  directory: string;
  /** Has attach.ts find them, and save files to `downloads`. */
  env: Record<"PATH" | "XDG_DOWNLOAD_DIR", string>;
  downloads: string;
  /** The names of the files that were saved, sorted. */
  saved(): string[];
  /** The text of a file in the directory; empty where there is none. */
  read(name: string): Promise<string>;
  write(name: string, text: string): Promise<void>;
}

/** Makes them: scripts by their names, given the path of their directory. */
export async function standIns(programs: (directory: string) => Readonly<Record<string, string>>): Promise<StandIns> {
  const directory = await Deno.makeTempDir({ dir: Deno.env.get("HOME")!, prefix: "e2e-stand-ins-" });
  const downloads = join(directory, "downloads");
  await Deno.mkdir(downloads);
  for (const [name, text] of Object.entries(programs(directory))) {
    await Deno.writeTextFile(join(directory, name), text, { mode: 0o755 });
  }
  return {
    directory,
    env: { PATH: `${directory}:${Deno.env.get("PATH")}`, XDG_DOWNLOAD_DIR: downloads },
    downloads,
    saved: () => [...Deno.readDirSync(downloads)].map(({ name }) => name).toSorted(),
    read: (name) => Deno.readTextFile(join(directory, name)).catch(() => ""),
    write: (name, text) => Deno.writeTextFile(join(directory, name), text),
    [Symbol.asyncDispose]: () => Deno.remove(directory, { recursive: true }),
  };
}

/** Stand-ins that append their arguments, each time as one line, to the file "told". */
export function noting(directory: string, ...programs: readonly string[]): Record<string, string> {
  const script = `#!/bin/sh\nprintf '%s\\n' "$*" >>'${directory}/told'\n`;
  return Object.fromEntries(programs.map((program) => [program, script]));
}
