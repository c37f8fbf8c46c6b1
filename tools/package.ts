/**
 * What a person without a checkout installs: `deno task package [--with-deno]`. Into `dist/` it writes the scripts as
 * single files, and a Debian package of them, with manual pages, completions, examples and profiles. With `--with-deno`
 * the package contains the Deno that runs this, and is for machines of the same kind; else it is for all machines, and
 * takes the Deno on `$PATH`.
 */

import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { dirname, fromFileUrl, join } from "@std/path";
import config from "../deno.json" with { type: "json" };
import { commandLine as attachCommandLine } from "../attach.ts";
import { commandLine as createCommandLine } from "../create.ts";
import { commandLine as mapCommandLine } from "../map.ts";
import { ProcessError, UserError } from "../lib/base/errors.ts";
import { packages, runProcess } from "../lib/base/process.ts";
import { completionStub } from "../lib/cli/shells.ts";
import { type Bundle, bundle, installedName, launcher, singleFile, withInstalledNames } from "./bundle.ts";
import { debianChangelog, type Release, releasesOf, releaseTime } from "./changelog.ts";
import { scripts } from "./compile.ts";
import { manPage, manPageOfShell } from "./man_page.ts";

const root = fromFileUrl(new URL("..", import.meta.url));

/** What the menu's entries start. */
const opener = "examples/desktop-files/open-in-container";

/** The package's name. */
const packageName = "gui-container";

/** Where a package has its own Deno. */
const ownDeno = `/usr/lib/${packageName}/deno`;

/** Where the JavaScript is that the commands in `/usr/bin` start; {@linkcode runScript} knows of it. */
const modulesDirectory = `usr/share/${packageName}`;

const commandLines = { create: createCommandLine, attach: attachCommandLine, map: mapCommandLine };

/** A file of a package, by default not executable. */
interface PackageFile {
  content: string | Uint8Array;
  executable?: boolean;
}

/** The files of a package, by their paths without the first `/`. */
type Tree = Map<string, PackageFile>;

/** The packages without which the scripts do not work. The others are of use on some hosts. */
const required = ["acl", "bubblewrap", "openssh-client"];

/** What every Debian has. */
const essential = ["util-linux"];

/**
 * One of these is needed, but which one, and from where, is not for this package to say: LXD is a snap on most hosts.
 */
const engines = ["incus", "lxd"];

/** The packages of the programs that the scripts may start: which to depend on, and which to recommend. */
export function dependencies(programs: readonly string[]): { depends: string[]; recommends: string[] } {
  // Behind the name there may be where to get it.
  const names = new Set(programs.flatMap((program) => packages[program]?.split(" ")[0] ?? []));
  const others = [...names].filter((name) => ![...required, ...essential, ...engines].includes(name));
  return { depends: required, recommends: others.toSorted() };
}

/** The programs that a script may start, from its first lines. */
function programsOf({ header }: Bundle): string[] {
  return header.flatMap((command) => / --allow-run=(\S+) /.exec(command)?.[1]?.split(",") ?? []);
}

/** Debian's name for the architecture of this machine. */
function architecture(): string {
  return { x86_64: "amd64", aarch64: "arm64" }[Deno.build.arch];
}

/** Who stands as the maintainer, from the variables of Debian's own tools. */
function maintainer(): string {
  const name = Deno.env.get("DEBFULLNAME") || `${packageName} maintainers`;
  return `${name} <${Deno.env.get("DEBEMAIL") || `maintainers@${packageName}.invalid`}>`;
}

/** The newest release, which is this one. */
export function currentRelease(releases: readonly Release[]): Release {
  const [newest] = releases;
  if (newest?.version === config.version) return newest;
  throw new UserError(`The newest version in CHANGELOG.md is ${newest?.version ?? "none"}, not ${config.version}`, {
    hint: `Write what ${config.version} brings under a heading with its number and date`,
  });
}

/** The same bytes for the same text, whenever it is made. */
function gzipped(text: string): Uint8Array {
  return gzipSync(text, { level: 9 });
}

async function directoryFiles(directory: string): Promise<string[]> {
  const files: string[] = [];
  for await (const { name, isFile } of Deno.readDir(join(root, directory))) {
    if (isFile) files.push(join(directory, name));
  }
  return files.toSorted();
}

/** The files of the package. `bundles`: by the names of the scripts. */
async function filesOf(bundles: ReadonlyMap<string, Bundle>, { withDeno }: { withDeno: boolean }): Promise<Tree> {
  const text = (path: string): Promise<string> => Deno.readTextFile(join(root, path));
  const releases = releasesOf(await text("CHANGELOG.md"));
  const edition = currentRelease(releases);
  const docs = `usr/share/doc/${packageName}`;
  const tree: Tree = new Map();
  for (const script of scripts) {
    const name = installedName(script);
    const module = `${modulesDirectory}/${name}.js`;
    const made = bundles.get(script)!;
    tree.set(module, { content: made.code });
    tree.set(`usr/bin/${name}`, {
      content: launcher(made, { module: `/${module}`, deno: withDeno ? ownDeno : undefined }),
      executable: true,
    });
    tree.set(`usr/share/man/man1/${name}.1.gz`, { content: gzipped(manPage(commandLines[script], edition)) });
    const stub = (shell: string): { content: string } => ({
      content: completionStub({ commands: [name], path: `/usr/bin/${name}` }, shell),
    });
    tree.set(`usr/share/bash-completion/completions/${name}`, stub("bash"));
    tree.set(`usr/share/zsh/vendor-completions/_${name.replaceAll("-", "_")}`, stub("zsh"));
    tree.set(`usr/share/fish/vendor_completions.d/${name}.fish`, stub("fish"));
  }
  tree.set("usr/bin/open-in-container", { content: withInstalledNames(await text(opener)), executable: true });
  tree.set("usr/share/man/man1/open-in-container.1.gz", {
    content: gzipped(manPageOfShell("open-in-container", await text(opener), edition)),
  });
  for (const path of ["README.md", ...await directoryFiles("docs"), ...await directoryFiles("examples/cloud-config")]) {
    tree.set(`${docs}/${path}`, { content: await Deno.readFile(join(root, path)) });
  }
  for (const path of await directoryFiles("examples/desktop-files")) {
    if (path !== opener) tree.set(`${docs}/${path}`, { content: withInstalledNames(await text(path)) });
  }
  for (const path of await directoryFiles("profiles")) {
    tree.set(`${docs}/examples/${path}`, { content: await text(path) });
  }
  tree.set(`${docs}/copyright`, { content: copyright(releases, { withDeno }) });
  tree.set(`${docs}/changelog.gz`, { content: gzipped(debianChangelog(packageName, releases, maintainer())) });
  if (withDeno) {
    tree.set(`usr/share/lintian/overrides/${packageName}`, { content: overrides });
    tree.set(ownDeno.slice(1), { content: await Deno.readFile(Deno.execPath()), executable: true });
  }
  return tree;
}

/** The licenses, for the years from the first release to the last one. */
function copyright(releases: readonly Release[], { withDeno }: { withDeno: boolean }): string {
  const years = [...new Set([releases.at(-1)!, releases[0]!].map(({ date }) => date.slice(0, 4)))].join("-");
  const mit = `License: Expat
 Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
 documentation files (the "Software"), to deal in the Software without restriction, including without limitation the
 rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit
 persons to whom the Software is furnished to do so, subject to the following conditions:
 .
 The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
 Software.
 .
 THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
 WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
 COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR
 OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
`;
  const bsd = `License: BSD-3-clause
 Redistribution and use in source and binary forms, with or without modification, are permitted provided that the
 following conditions are met:
 .
 1. Redistributions of source code must retain the above copyright notice, this list of conditions and the following
 disclaimer.
 .
 2. Redistributions in binary form must reproduce the above copyright notice, this list of conditions and the following
 disclaimer in the documentation and/or other materials provided with the distribution.
 .
 3. Neither the name of Eugene Ware nor the names of its contributors may be used to endorse or promote
 products derived from this software without specific prior written permission.
 .
 THIS SOFTWARE IS PROVIDED BY THE COPYRIGHT HOLDERS AND CONTRIBUTORS "AS IS" AND ANY EXPRESS OR IMPLIED WARRANTIES,
 INCLUDING, BUT NOT LIMITED TO, THE IMPLIED WARRANTIES OF MERCHANTABILITY AND FITNESS FOR A PARTICULAR PURPOSE ARE
 DISCLAIMED. IN NO EVENT SHALL THE COPYRIGHT HOLDERS OR CONTRIBUTORS BE LIABLE FOR ANY DIRECT, INDIRECT, INCIDENTAL,
 SPECIAL, EXEMPLARY, OR CONSEQUENTIAL DAMAGES (INCLUDING, BUT NOT LIMITED TO, PROCUREMENT OF SUBSTITUTE GOODS OR
 SERVICES; LOSS OF USE, DATA, OR PROFITS; OR BUSINESS INTERRUPTION) HOWEVER CAUSED AND ON ANY THEORY OF LIABILITY,
 WHETHER IN CONTRACT, STRICT LIABILITY, OR TORT (INCLUDING NEGLIGENCE OR OTHERWISE) ARISING IN ANY WAY OUT OF THE USE OF
 THIS SOFTWARE, EVEN IF ADVISED OF THE POSSIBILITY OF SUCH DAMAGE.
`;
  return `Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: ${packageName}

Files: *
Copyright: ${years} the ${packageName} authors
License: Apache-2.0
 On Debian systems, the text of the Apache License, Version 2.0, is in /usr/share/common-licenses/Apache-2.0.

Files: ${modulesDirectory}/*
Copyright: ${years} the ${packageName} authors
 2018-2026 the Deno authors (the parts named npm:deno-std)
 2011-2015 Vitaly Puzrin (the parts of these that read and write YAML)
 2014 Eugene Ware (jpeg-js, which is in gui-attach.js)
 2011 notmasteryet (the decoder of jpeg-js)
License: Apache-2.0 and Expat and BSD-3-clause
 The Apache License, Version 2.0, is in /usr/share/common-licenses/Apache-2.0. The parts named npm:deno-std are under the license
 Expat. jpeg-js is under the license BSD-3-clause, and its decoder under the Apache License, Version 2.0.
${
    withDeno
      ? `
Files: ${ownDeno.slice(1)}
Copyright: 2018-2026 the Deno authors, and the authors of V8 and of the libraries that are linked into it
License: Expat
Comment: As published at https://github.com/denoland/deno, which names the licenses of its parts.
`
      : ""
  }
${mit}
${bsd}`;
}

/** For a package with Deno in it, which is as its makers publish it. */
const overrides = `# Debian has no package of Deno, nor of all the libraries that are linked into it.
${packageName}: binary-has-unneeded-section .comment [${ownDeno.slice(1)}]
${packageName}: embedded-library * [${ownDeno.slice(1)}]
${packageName}: hardening-no-relro [${ownDeno.slice(1)}]
`;

function control(
  tree: Tree,
  { programs, withDeno }: { programs: readonly string[]; withDeno: boolean },
): string {
  const { depends, recommends } = dependencies(programs);
  const size = [...tree.values()].reduce((sum, { content }) => sum + content.length, 0);
  const deno = withDeno
    ? "Deno, which runs it, is in this package."
    : "It needs Deno 2.9 or newer on $PATH, which is not in Debian, but at\n deno.com.";
  return `Package: ${packageName}
Version: ${config.version}
Architecture: ${withDeno ? architecture() : "all"}
Maintainer: ${maintainer()}
Installed-Size: ${Math.ceil(size / 1024)}
Depends: ${[...depends, ...(withDeno ? ["libc6", "libgcc-s1"] : [])].join(", ")}
Recommends: ${recommends.join(", ")}
Suggests: ${engines.join(" | ")}
Section: utils
Priority: optional
Description: graphical apps in LXD or Incus containers
 gui-container runs a graphical application in an LXD or Incus container and
 shows its windows among your own, by xpra or waypipe. The application does not
 get your display server, so it cannot read your keys, your other windows, or
 your files.
 .
 It needs LXD or Incus, from this archive or from elsewhere. gui-attach needs
 xpra 5 or 6 for X, or waypipe for Wayland.
 .
 ${deno}
`;
}

async function write(path: string, file: PackageFile): Promise<void> {
  await Deno.mkdir(dirname(path), { recursive: true, mode: 0o755 });
  const { content } = file;
  await Deno.writeFile(path, typeof content === "string" ? new TextEncoder().encode(content) : content);
  // Whatever the umask is.
  await Deno.chmod(path, file.executable ? 0o755 : 0o644);
}

function sumsOf(tree: Tree): string {
  return [...tree].map(([path, { content }]) => `${createHash("md5").update(content).digest("hex")}  ${path}\n`).join(
    "",
  );
}

/** Makes the Debian package, and returns its path. */
async function makePackage(
  bundles: ReadonlyMap<string, Bundle>,
  { directory, withDeno }: { directory: string; withDeno: boolean },
): Promise<string> {
  const tree = await filesOf(bundles, { withDeno });
  const programs = [...bundles.values()].flatMap(programsOf);
  const build = await Deno.makeTempDir({ prefix: `${packageName}-package-` });
  try {
    await Deno.chmod(build, 0o755);
    for (const [path, file] of tree) await write(join(build, path), file);
    await write(join(build, "DEBIAN/control"), { content: control(tree, { programs, withDeno }) });
    await write(join(build, "DEBIAN/md5sums"), { content: sumsOf(tree) });
    const path = join(directory, `${packageName}_${config.version}_${withDeno ? architecture() : "all"}.deb`);
    // gzip packs Deno in two seconds, where xz, the default, takes half a minute for a quarter less.
    const argv = ["dpkg-deb", "--root-owner-group", ...(withDeno ? ["-Zgzip", "-z1"] : []), "--build", build, path];
    const time = releaseTime(currentRelease(releasesOf(await Deno.readTextFile(join(root, "CHANGELOG.md")))));
    await runProcess(argv, { env: { SOURCE_DATE_EPOCH: String(time) } });
    return path;
  } finally {
    await Deno.remove(build, { recursive: true });
  }
}

/**
 * Makes all that is installed.
 *
 * @param options `directory`: where it is put
 * @returns the paths of the scripts and of the package
 */
export async function makeDistribution(
  { directory, withDeno }: { directory: string; withDeno: boolean },
): Promise<{ scripts: string[]; package: string }> {
  await Deno.mkdir(directory, { recursive: true });
  const bundles = new Map<string, Bundle>();
  const paths: string[] = [];
  for (const script of scripts) {
    const made = await bundle(script);
    bundles.set(script, made);
    const path = join(directory, `${installedName(script)}.js`);
    await write(path, { content: singleFile(made), executable: true });
    paths.push(path);
  }
  const path = join(directory, "open-in-container");
  await write(path, { content: withInstalledNames(await Deno.readTextFile(join(root, opener))), executable: true });
  paths.push(path);
  return { scripts: paths, package: await makePackage(bundles, { directory, withDeno }) };
}

async function main(args: readonly string[]): Promise<void> {
  if (args.some((arg) => arg !== "--with-deno")) {
    throw new UserError(`Unknown arguments: ${args.join(" ")}`, { hint: "deno task package [--with-deno]" });
  }
  const made = await makeDistribution({ directory: join(root, "dist"), withDeno: args.includes("--with-deno") });
  Deno.stdout.writeSync(new TextEncoder().encode([...made.scripts, made.package, ""].join("\n")));
}

if (import.meta.main) {
  try {
    await main(Deno.args);
  } catch (error) {
    if (!(error instanceof UserError || error instanceof ProcessError)) throw error;
    const more = error instanceof UserError ? error.hint : error.output;
    Deno.stderr.writeSync(new TextEncoder().encode(`error: ${error.message}\n${more}\n`));
    Deno.exit(1);
  }
}
