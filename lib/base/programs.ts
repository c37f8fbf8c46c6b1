/**
 * The programs of the host, in one table, programs.json: which script may start each of them, its package, and what
 * `--doctor` says. `deno task permissions` writes the permissions in the scripts' first lines by it.
 */

import table from "./programs.json" with { type: "json" };
import { distribution, type Family, installCommand } from "./distribution.ts";

export type ScriptName = "create" | "attach" | "map";

export interface HostProgram {
  scripts: readonly ScriptName[];
  /** Its package in Debian and Ubuntu, for hints. */
  package?: string;
  /** What other distributions call the package, where that differs. */
  packageIn?: Partial<Record<Family, string>>;
  /** What the scripts use it for, for `--doctor`, which does not check a program without it. */
  purpose?: string;
  /** Set when the scripts do not work without it. */
  required?: true;
  /** The option that prints its version. Default: `--version`. */
  versionOption?: string;
  /** The kind of display on which it is used. Default: both. */
  display?: "x11" | "wayland";
}

/**
 * The programs, each by its name on `$PATH`, in the order of the scripts' first lines. Those without a script run in a
 * container, but for `gi`, a module of Python's for icons in the tray. Xwayland's packages are those of its frame on
 * GNOME and of a window manager, too.
 */
export const programs = table as Readonly<Record<string, HostProgram>>;

/** How to install a program on this host, or on one of another distribution. Undefined where nobody can tell. */
export function installHint(name: string, { family } = distribution()): string | undefined {
  const { package: debian, packageIn = {} } = programs[name] ?? {};
  if (debian === undefined) return undefined;
  return installCommand((family && packageIn[family]) ?? debian, family);
}

/** Whether a version is `first` or a later one, by the numbers in it. */
export function isAtLeast(version: string, first: string): boolean {
  return version.localeCompare(first, "en", { numeric: true }) >= 0;
}
