/** The distribution of the host, for the commands in hints: os-release(5). */

/** A family of distributions, by what installs their packages. */
export type Family = "debian" | "fedora" | "suse" | "arch";

export interface Distribution {
  /** Undefined for one whose packages no hint knows. */
  family: Family | undefined;
  /** The release of Debian or Ubuntu whose packages fit, such as `trixie`. */
  codename: string | undefined;
}

/** The families by their names in the fields ID and ID_LIKE. */
const families: Readonly<Record<string, Family>> = {
  debian: "debian",
  ubuntu: "debian",
  fedora: "fedora",
  rhel: "fedora",
  suse: "suse",
  opensuse: "suse",
  arch: "arch",
};

const installers: Readonly<Record<Family, string>> = {
  debian: "sudo apt install",
  fedora: "sudo dnf install",
  suse: "sudo zypper install",
  arch: "sudo pacman -S",
};

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
  return own ??= parseOsRelease(readOsRelease());
}

function readOsRelease(): string {
  try {
    return Deno.readTextFileSync("/etc/os-release");
  } catch {
    return "";
  }
}

/** The command that installs a package in a family of distributions. */
export function installCommand(packageName: string, family: Family | undefined): string {
  return family === undefined ? `Install the package ${packageName}` : `${installers[family]} ${packageName}`;
}
