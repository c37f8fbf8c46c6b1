/** Saving files in the user's downloads directory. Nothing on the host opens them. */

import { extname, join } from "@std/path";
import { UserError } from "../base/errors.ts";
import { exists } from "../base/files.ts";
import type { Host } from "../base/host.ts";

const maxNames = 100;

/**
 * Moves a file to the user's downloads directory, which it makes if it is missing, or to another directory. An existing
 * file is never overwritten: the name gets a number.
 *
 * @param file `name`: a valid file name
 * @returns its path
 * @throws {UserError} when it cannot be put there
 */
export async function keepFile(
  host: Host,
  { path, name, directory }: { path: string; name: string; directory?: string },
): Promise<string> {
  const downloads = directory ?? await downloadsOf(host);
  if (directory === undefined && !await exists(downloads)) {
    // Made beside the file and moved: this process has no permission to write to the home directory.
    await Deno.mkdir(`${path}~`, { mode: 0o755 });
    await host.run(["mv", "--no-target-directory", "--", `${path}~`, downloads], { okCodes: "any" });
  }
  const end = extname(name);
  const stem = name.slice(0, name.length - end.length);
  let output = "";
  for (let count = 1; count <= maxNames && output === ""; count++) {
    const kept = join(downloads, count === 1 ? name : `${stem} (${count})${end}`);
    if (await exists(kept)) continue;
    const options = { okCodes: "any" } as const;
    const moved = await host.run(["mv", "--no-clobber", "--no-target-directory", "--", path, kept], options);
    if (!await exists(path)) return kept;
    output = moved.stderr;
  }
  throw new UserError(`A file cannot be saved in "${downloads}"`, {
    hint: "See whether that directory is there, and whether you may write there",
    output,
  });
}

/** Like {@linkcode keepFile}, for a file that must not be lost: falls back to the home directory. */
export async function keepVersion(host: Host, file: { path: string; name: string }): Promise<string> {
  return await keepFile(host, file).catch(() => keepFile(host, { ...file, directory: host.env("HOME") ?? "/" }));
}

/** The directory of the user's downloads, as xdg-user-dir(1) finds it. */
async function downloadsOf(host: Host): Promise<string> {
  const home = host.env("HOME") ?? "/";
  const settings = join(host.env("XDG_CONFIG_HOME") ?? join(home, ".config"), "user-dirs.dirs");
  const text = await Deno.readTextFile(settings).catch(() => "");
  const [, below, path] = /^XDG_DOWNLOAD_DIR="(\$HOME)?(\/[^"\n]*)"$/m.exec(text) ?? [];
  return host.env("XDG_DOWNLOAD_DIR") ?? (path === undefined ? join(home, "Downloads") : `${below ? home : ""}${path}`);
}
