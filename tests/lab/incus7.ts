/** Today's Incus, out of Debian's backports: unpacked into the lab's directory, beside the one that Debian 13 installs. */

import { join } from "@std/path";
import { UserError } from "../../lib/base/errors.ts";
import { runProcess } from "../../lib/base/process.ts";
import { exists } from "./files.ts";
import { backportsSource, debianSources, release } from "./packages.ts";
import { incus7Dir } from "./state.ts";

/** Those with the daemon and the client. All libraries that 7.0.2 needs are Debian 13's, and come with its Incus. */
const packages = ["incus-base", "incus-client"];

/** Unpacks it, unless that was done. Nothing is installed: apt has lists of its own for this, and dpkg learns of none. */
export async function unpackIncus7(): Promise<void> {
  const root = join(incus7Dir(), "root");
  if (exists(root)) return;
  const source = backportsSource(await debianSources(release), release);
  if (!source) {
    throw new UserError(`The host's apt knows no archive of Debian ${release} that could have backports`, {
      hint: `Add one to /etc/apt/sources.list.d, with ${release} as its suite`,
    });
  }
  const work = join(incus7Dir(), "work");
  await Deno.remove(work, { recursive: true }).catch(() => {});
  for (const directory of ["lists/partial", "root"]) await Deno.mkdir(join(work, directory), { recursive: true });
  await Deno.writeTextFile(join(work, "backports.sources"), source);
  const apt = (...args: string[]): Promise<unknown> =>
    runProcess([
      ...["apt-get", "-q", "-o", `Dir::State::Lists=${work}/lists`, "-o", "Dir::Cache::pkgcache="],
      ...["-o", "Dir::Cache::srcpkgcache=", "-o", `Dir::Etc::SourceList=${work}/backports.sources`],
      ...["-o", "Dir::Etc::SourceParts=/dev/null", "-o", "APT::Sandbox::User=root", ...args],
    ], { cwd: work, env: { LC_ALL: "C.UTF-8" } });
  await apt("update");
  await apt("download", ...packages);
  for (const { name } of [...Deno.readDirSync(work)].filter(({ name }) => name.endsWith(".deb"))) {
    await runProcess(["dpkg-deb", "--extract", join(work, name), join(work, "root")]);
  }
  // Last: this directory says that it is whole.
  await Deno.rename(join(work, "root"), root);
  await Deno.remove(work, { recursive: true });
}
