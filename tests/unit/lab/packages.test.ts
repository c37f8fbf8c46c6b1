import { assertEquals } from "@std/assert";
import { backportsSource, debianStanzas, oneLineToDeb822 } from "../../lab/packages.ts";
import { testingSources } from "../../lab/today.ts";

const debian = `Types: deb
URIs: http://archive.example.org/debian
Suites: trixie trixie-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.pgp`;

Deno.test("debianStanzas() takes Debian's stanzas, without comments", () => {
  const text = `# Main\n${debian}\n\n${debian.replace("debian\n", "debian-security\n")}\n`;
  assertEquals(debianStanzas(text, "trixie"), [debian, debian.replace("debian\n", "debian-security\n")]);
});

Deno.test("debianStanzas() takes a mirror whose path is Debian's", () => {
  const mirror = debian.replace("archive.example.org/debian", "mirror.example.org/pub/debian/");
  assertEquals(debianStanzas(mirror, "trixie"), [mirror]);
});

Deno.test("debianStanzas() leaves out what is not Debian's, not signed by it, or of another release", () => {
  const others = [
    debian.replace("http://archive.example.org/debian", "file:/usr/share/local"),
    debian.replace("archive.example.org/debian", "example.org/other"),
    debian.replace("debian-archive-keyring.pgp", "somebody.asc"),
    debian.replace("trixie trixie-updates", "sid"),
    debian.replace("trixie trixie-updates", "trixie bookworm"),
    debian.replace("Types: deb", "Types: deb-src"),
    `${debian}\nTrusted: yes`,
    `Enabled: no\n${debian}`,
  ];
  assertEquals(debianStanzas(others.join("\n\n"), "trixie"), []);
});

Deno.test("backportsSource() has the backports of the archive, and not of the one for security", () => {
  const security = debian.replace("debian\n", "debian-security\n").replace("trixie trixie-updates", "trixie-security");
  const backports = debian.replace("trixie trixie-updates", "trixie-backports");
  assertEquals(backportsSource(`${security}\n\n${debian}\n`, "trixie"), `${backports}\n`);
  assertEquals(backportsSource(security, "trixie"), undefined);
});

Deno.test("oneLineToDeb822() turns the lines of a sources.list into stanzas", () => {
  const text = `# comment
deb http://archive.example.org/debian trixie main contrib # more
deb-src http://archive.example.org/debian trixie main
deb [arch=amd64 signed-by=/etc/keys/x.asc trusted=yes] https://example.org/debian sid main`;
  assertEquals(oneLineToDeb822(text).split("\n\n"), [
    "Types: deb\nURIs: http://archive.example.org/debian\nSuites: trixie\nComponents: main contrib\n" +
    "Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg",
    "Types: deb\nURIs: https://example.org/debian\nSuites: sid\nComponents: main\nSigned-By: /etc/keys/x.asc\nTrusted: yes",
  ]);
});

Deno.test("testingSources() takes the archive's testing in place of the host's release, without its updates", () => {
  const security = debian.replace("debian\n", "debian-security\n").replace("trixie trixie-updates", "trixie-security");
  assertEquals(
    testingSources(`${debian}\n\n${security}\n`),
    `${debian.replace("trixie trixie-updates", "forky")}\n`,
  );
});
