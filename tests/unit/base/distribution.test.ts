import { assertEquals } from "@std/assert";
import { parseOsRelease } from "../../../lib/base/distribution.ts";
import { installHint } from "../../../lib/base/programs.ts";
import { installHere } from "../../../lib/attach/x11/xpra_version.ts";

// The fields of real os-release files.
const debian = 'PRETTY_NAME="Debian GNU/Linux 13 (trixie)"\nVERSION_CODENAME=trixie\nID=debian\n';
const mint = 'ID=linuxmint\nID_LIKE="ubuntu debian"\nVERSION_CODENAME=zara\nUBUNTU_CODENAME=noble\n';
const interim = "ID=ubuntu\nID_LIKE=debian\nVERSION_CODENAME=questing\nUBUNTU_CODENAME=questing\n";
const fedora = "ID=fedora\nVERSION_ID=43\n";
const rocky = 'ID="rocky"\nID_LIKE="rhel centos fedora"\n';
const tumbleweed = 'ID="opensuse-tumbleweed"\nID_LIKE="opensuse suse"\n';
const arch = "ID=arch\nBUILD_ID=rolling\n";
const nixos = "ID=nixos\nVERSION_CODENAME=xantusia\n";

Deno.test("installHint() installs a program as its distribution does, by the package's name there", () => {
  for (
    const [text, ssh, waypipe] of [
      [debian, "sudo apt install openssh-client", "sudo apt install waypipe"],
      [mint, "sudo apt install openssh-client", "sudo apt install waypipe"],
      [fedora, "sudo dnf install openssh-clients", "sudo dnf install waypipe"],
      [rocky, "sudo dnf install openssh-clients", "sudo dnf install waypipe"],
      [tumbleweed, "sudo zypper install openssh-clients", "sudo zypper install waypipe"],
      [arch, "sudo pacman -S openssh", "sudo pacman -S waypipe"],
      [nixos, "Install the package openssh-client", "Install the package waypipe"],
      ["", "Install the package openssh-client", "Install the package waypipe"],
    ] as const
  ) {
    const own = parseOsRelease(text);
    assertEquals([installHint("ssh", own), installHint("waypipe", own)], [ssh, waypipe]);
  }
  assertEquals(installHint("stat", parseOsRelease(debian)), undefined);
});

Deno.test("installHere() names xpra's archive only where that has packages", () => {
  const lines = (text: string): string => installHere(parseOsRelease(text)).split("\n")[0]!;
  const archive = "sudo wget -O /usr/share/keyrings/xpra.asc https://xpra.org/xpra.asc";
  assertEquals([debian, mint].map(lines), [archive, archive]);
  const page = "See https://github.com/Xpra-org/xpra/wiki/Download";
  assertEquals([interim, fedora, nixos].map(lines), [`${page}: xpra.org has no packages for "questing"`, page, page]);
});
