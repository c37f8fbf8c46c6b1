/** The distribution of the host, for the commands in hints: os-release(5). */

import table from "./distributions.json" with { type: "json" };

/** A family of distributions that share a package manager. */
export type Family = "debian" | "fedora" | "suse" | "arch";

export interface Distribution {
  /** Undefined when its package manager is unknown. */
  family: Family | undefined;
  /** The release of Debian or Ubuntu whose packages fit, such as `trixie`. */
  codename: string | undefined;
}

/** The families by the values of the fields ID and ID_LIKE. */
const families = table.families as Readonly<Record<string, Family>>;

/** Reads the text of an os-release file. Derived distributions such as Mint name what they are made from. */
export function parseOsRelease(text: string): Distribution {
  const field = (name: string): string | undefined =>
    new RegExp(`^${name}=["']?([^"'\n]*)`, "m").exec(text)?.[1] || undefined;
  const names = `${field("ID") ?? ""} ${field("ID_LIKE") ?? ""}`.split(" ");
  return {
    family: names.map((name) => families[name]).find((family) => family !== undefined),
    codename: field("UBUNTU_CODENAME") ?? field("VERSION_CODENAME"),
  };
}

let own: Distribution | undefined;

export function distribution(): Distribution {
  try {
    return own ??= parseOsRelease(Deno.readTextFileSync("/etc/os-release"));
  } catch {
    return own = parseOsRelease("");
  }
}

/** The command that installs a package in a family of distributions. */
export function installCommand(packageName: string, family: Family | undefined): string {
  return family === undefined ? `Install the package ${packageName}` : `${table.installers[family]} ${packageName}`;
}
