// The Debian package: lintian's opinion, and machines on which it is installed, used and purged. And the files that it
// is made of, at work.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { basename, join } from "@std/path";
import config from "../../deno.json" with { type: "json" };
import { runProcess } from "../../lib/base/process.ts";
import { makeDistribution } from "../../tools/package.ts";
import { todayOptions } from "../lab/today.ts";
import { testWith } from "../unit/samples.ts";
import { publicKey, sh } from "./run.ts";
import { testOnOneEngine } from "./sessions.ts";

const container = "e2e-package";

const directory = await Deno.makeTempDir();
globalThis.addEventListener("unload", () => Deno.removeSync(directory, { recursive: true }));

let shared: ReturnType<typeof makeDistribution> | undefined;

/** What is installed, with Deno in the package: made for the first test that asks for it. */
function distribution(): ReturnType<typeof makeDistribution> {
  return shared ??= makeDistribution({ directory, withDeno: true });
}

testWith(["dh", "help2man", "lintian"], "lintian finds nothing to say about the package", async () => {
  const { package: path } = await distribution();
  assertEquals(await sh(["lintian", "--display-info", "--pedantic", "--fail-on", "error", path]), "");
});

/** By the names of Debian's releases: the options for a container of that, and the parts of the lab that it needs. */
const releases = [
  ["Debian 13", ["--image=gui-lab"], ["user"]],
  ["Debian testing", todayOptions, ["user", "today"]],
] as const;

for (const [release, options, parts] of releases) {
  testOnOneEngine(`${release}: the package is installed, used without a network, and purged`, parts, async (engine) => {
    const { scripts, package: deb } = await distribution();
    const [create, attach, map] = scripts as [string, string, string];
    const run = (path: string, ...args: string[]): Promise<string> => sh([path, `--engine=${engine}`, ...args]);
    const inside = (shell: string): Promise<string> => sh([engine, "exec", container, "--", "/bin/sh", "-ec", shell]);
    await runProcess([create, `--engine=${engine}`, "--delete", "--force", container], { okCodes: "any" });
    try {
      // The files at work: they make the container, and look at it.
      const userData = join(deb, "../user-data.yaml");
      await Deno.writeTextFile(userData, "#cloud-config\ndisable_root: true\n");
      const made = JSON.parse(await run(create, "--json", ...options, container, publicKey, "gui", userData));
      assertEquals(made.name, container);
      assertEquals(await run(attach, "--list", container), "");
      const letter = join(deb, "../letter");
      await Deno.writeTextFile(letter, "Dear reader\n");
      const [, lent] = (await run(map, "--no-wait", container, letter)).split("\t");
      assertEquals(await inside(`cat '${lent}'`), "Dear reader");
      await run(map, "--unmap", container);

      await sh([engine, "file", "push", deb, `${container}/root/`]);
      const apt = "DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends -o Acquire::Languages=none";
      const before = new Set((await inside(files)).split("\n"));
      await inside(`${apt} update >&2`);
      const printed = await inside(`${apt} install /root/${basename(deb)}`);
      // What it leaves to a person.
      for (const line of ["incus admin init", "usermod -aG"]) assertStringIncludes(printed, line);
      assert(!(await inside(`${apt} install --reinstall /root/${basename(deb)}`)).includes("admin init"));
      assertEquals(await inside("dpkg --verify gui-container"), "");
      // By the container's user, without a network, and without anything of Deno's in a cache.
      const alone = (bash: string): Promise<string> =>
        sh([engine, "exec", container, "--", "unshare", "--net", "runuser", "-l", "ubuntu", "-c", bash]);
      for (const name of ["gui-create", "gui-attach", "gui-map"]) {
        const seen = await alone(`${name} --version; ${name} --doctor || test $? = 1`);
        assertMatch(seen, new RegExp(`^${name} ${config.version}\nok {6}Deno \\d`));
      }
      assertStringIncludes(await alone("gui-create --help"), "Usage: gui-create ");
      assertStringIncludes(await alone("gui-attach --dry-run --engine=incus box xterm"), "session.sh");
      const key = "~/.ssh/authorized_keys";
      const dryRun = await alone(`gui-create --dry-run --engine=incus box ${key} gui firefox`);
      assertStringIncludes(dryRun, "incus profile edit box <<<");
      const complete = ". /usr/share/bash-completion/completions/gui-map; COMP_LINE='gui-map --unma' COMP_POINT=14 " +
        "COMP_WORDS=(gui-map --unma) COMP_CWORD=1; _gui_map gui-map --unma gui-map; echo ${COMPREPLY[0]}";
      assertEquals(await alone(complete), "--unmap");

      await inside(`${apt} purge --autoremove gui-container >&2`);
      const after = new Set((await inside(files)).split("\n"));
      assertEquals([...after.symmetricDifference(before)], []);
      assert(!(await inside("dpkg-query -W")).includes("gui-container"));
    } finally {
      await runProcess([create, `--engine=${engine}`, "--delete", "--force", container], { okCodes: "any" });
    }
    assertEquals((await runProcess([engine, "info", container], { okCodes: "any" })).code, 1);
  });
}

/** Lists the files of the machine, without those of users and what apt, dpkg and systemd write about themselves. */
const files = `find / -xdev \\( -path /var/cache -o -path /var/log -o -path /var/lib/apt -o -path /var/lib/systemd \\
  -o -path '/var/lib/dpkg/*-old' -o -path /tmp -o -path /var/tmp -o -path /root -o -path /home \\) -prune -o -print | sort`;
