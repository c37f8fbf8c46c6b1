/**
 * What a person without a checkout installs: `deno task package [--with-deno]`. Into `dist/` it writes the scripts as
 * single files, and a Debian package of them, with manual pages, completions, examples and profiles. With `--with-deno`
 * the package contains the Deno that runs this, and is for machines of the same kind; else it is for all machines, and
 * takes the Deno on `$PATH`. debhelper and help2man make the package, as `tools/debian` says.
 */

import { parseArgs } from "node:util";
import { basename, dirname, fromFileUrl, join } from "@std/path";
import config from "../deno.json" with { type: "json" };
import { commandLine as attachCommandLine } from "../attach.ts";
import { commandLine as createCommandLine } from "../create.ts";
import { commandLine as mapCommandLine } from "../map.ts";
import { runProcess } from "../lib/base/process.ts";
import { programs } from "../lib/base/programs.ts";
import { completionStub } from "../lib/cli/shells.ts";
import { type Bundle, bundle, installedName, launcher, singleFile, withInstalledNames } from "./bundle.ts";
import { scripts } from "./compile.ts";

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

/** A file of the package's source, by default not executable. */
interface SourceFile {
  content: string | Uint8Array;
  executable?: boolean;
}

/** What the package needs in any case, and the engines, of which it recommends one. */
const notRecommended = ["acl", "bubblewrap", "openssh-client", "util-linux", "waypipe", "zenity", "incus", "lxd"];

/** The packages of the programs that the scripts may start, without those that the package needs in any case. */
export function recommendedPackages(): string[] {
  const started = Object.values(programs).filter(({ scripts }) => scripts.length > 0);
  // After the name there may be where to get it.
  const names = new Set(started.flatMap(({ package: name }) => name?.split(" ")[0] ?? []));
  return [...names].filter((name) => !notRecommended.includes(name)).toSorted();
}

/**
 * When the running version was released, from `CHANGELOG.md`, as `2025-12-31`.
 *
 * @throws when another version is the newest one there
 */
export function releaseDate(changelog: string): string {
  const [, version = "none", date] = /^## \[(\d+\.\d+\.\d+)\] - (\d{4}-\d{2}-\d{2})$/m.exec(changelog) ?? [];
  if (version === config.version) return date!;
  throw new Error(
    `The newest version in CHANGELOG.md is ${version}, not ${config.version}: write what that brings under a heading with ` +
      "its number and date",
  );
}

function text(path: string): Promise<string> {
  return Deno.readTextFile(join(root, path));
}

/**
 * The files that are made for the package, by their paths without the first `/`; `tools/debian/install` has the others.
 *
 * @param bundles by the names of the scripts
 */
async function madeFiles(
  bundles: ReadonlyMap<string, Bundle>,
  { withDeno }: { withDeno: boolean },
): Promise<Map<string, SourceFile>> {
  const files = new Map<string, SourceFile>();
  for (const script of scripts) {
    const name = installedName(script);
    const module = `${modulesDirectory}/${name}.js`;
    const made = bundles.get(script)!;
    files.set(module, { content: made.code });
    files.set(`usr/bin/${name}`, {
      content: launcher(made, { module: `/${module}`, deno: withDeno ? ownDeno : undefined }),
      executable: true,
    });
    const stub = (shell: string): { content: string } => ({
      content: completionStub({ name, path: `/usr/bin/${name}` }, shell),
    });
    files.set(`usr/share/bash-completion/completions/${name}`, stub("bash"));
    files.set(`usr/share/zsh/vendor-completions/_${name.replaceAll("-", "_")}`, stub("zsh"));
    files.set(`usr/share/fish/vendor_completions.d/${name}.fish`, stub("fish"));
  }
  if (withDeno) {
    files.set(ownDeno.slice(1), { content: await Deno.readFile(Deno.execPath()), executable: true });
    files.set(`usr/share/lintian/overrides/${packageName}`, { content: overrides });
  }
  return files;
}

/** For a package with Deno in it, which is as its makers publish it. */
const overrides = `# Debian has no package of Deno, nor of all the libraries that are linked into it.
${packageName}: binary-has-unneeded-section .comment [${ownDeno.slice(1)}]
${packageName}: embedded-library * [${ownDeno.slice(1)}]
${packageName}: hardening-no-relro [${ownDeno.slice(1)}]
`;

/** The licenses of the Deno that is in the package. */
const denoCopyright = `
Files: ${ownDeno.slice(1)}
Copyright: 2018-2026 the Deno authors, and the authors of V8 and of the libraries that are linked into it
License: Expat
Comment: As published at https://github.com/denoland/deno, which names the licenses of its parts.
`;

/** The files that are made for `debian/`, by their names; `tools/debian` has the others. */
async function debianFiles({ withDeno }: { withDeno: boolean }): Promise<Map<string, SourceFile>> {
  const { DEBFULLNAME: name = `${packageName} maintainers`, DEBEMAIL: mail = `maintainers@${packageName}.invalid` } =
    Deno.env.toObject();
  const control = (await text("tools/debian/control"))
    .replace(/^Maintainer: .*/m, `Maintainer: ${name} <${mail}>`)
    // Debian testing has xpra 3.
    .replace("@RECOMMENDS@", recommendedPackages().join(", ").replace(/\bxpra\b/, "xpra (>= 5)"));
  const date = new Date(releaseDate(await text("CHANGELOG.md"))).toUTCString().replace("GMT", "+0000");
  const summaries = scripts.map((script) => {
    const { summary } = commandLines[script];
    return `${installedName(script)}: ${summary.charAt(0).toLowerCase()}${summary.slice(1).replace(/\.$/, "")}`;
  });
  const files: Record<string, string> = {
    changelog: `${packageName} (${config.version}) unstable; urgency=medium

  * CHANGELOG.md says what is new.

 -- ${name} <${mail}>  ${date}
`,
    control: withDeno
      ? control.replace("Architecture: all", "Architecture: any").replace(
        / It needs Deno .*\n$/,
        " Deno, which runs it, is in this package.\n",
      )
      : control,
    copyright: await text("tools/debian/copyright") + (withDeno ? denoCopyright : ""),
    summaries: [...summaries, "open-in-container: opens a web address or a file with an app in a container", ""].join(
      "\n",
    ),
  };
  for (const script of scripts) {
    const manual = commandLines[script].manual.join("\n.PP\n");
    files[`${installedName(script)}.h2m`] = `[description]\n${withInstalledNames(manual)}\n`;
  }
  return new Map(Object.entries(files).map(([path, content]) => [path, { content }]));
}

async function write(path: string, file: SourceFile): Promise<void> {
  await Deno.mkdir(dirname(path), { recursive: true, mode: 0o755 });
  const { content } = file;
  await Deno.writeFile(path, typeof content === "string" ? new TextEncoder().encode(content) : content);
  // Whatever the umask is.
  await Deno.chmod(path, file.executable ? 0o755 : 0o644);
}

/** Makes the Debian package of what is bundled, and returns its path. `directory`: where it is put. */
export async function makePackage(
  bundles: ReadonlyMap<string, Bundle>,
  { directory, withDeno }: { directory: string; withDeno: boolean },
): Promise<string> {
  const build = await Deno.makeTempDir({ prefix: `${packageName}-package-` });
  try {
    const source = join(build, "source");
    await Deno.mkdir(source);
    const copied = ["README.md", "CHANGELOG.md", "docs", "examples", "manage", "profiles", "tools/debian"];
    await runProcess(["cp", "-r", ...copied.map((path) => join(root, path)), source]);
    for (const { name } of Deno.readDirSync(join(source, dirname(opener)))) {
      const path = join(dirname(opener), name);
      await Deno.writeTextFile(join(source, path), withInstalledNames(await text(path)));
    }
    for (const [path, file] of await madeFiles(bundles, { withDeno })) await write(join(source, path), file);
    for (const [path, file] of await debianFiles({ withDeno })) await write(join(source, "debian", path), file);
    // What help2man runs.
    for (const [script, made] of bundles) {
      await write(join(source, "bin", installedName(script)), { content: singleFile(made), executable: true });
    }
    await Deno.rename(join(source, opener), join(source, "bin", basename(opener)));
    // dpkg-buildpackage would set the first from "control", and the last from "changelog": two packages of one release
    // are the same.
    const released = Date.parse(releaseDate(await text("CHANGELOG.md"))) / 1000;
    const env = { DEB_RULES_REQUIRES_ROOT: "no", DH_QUIET: "1", SOURCE_DATE_EPOCH: String(released) };
    const argv = ["debian/rules", "--silent", "binary", `VERSION=${config.version}`];
    await runProcess(argv, { cwd: source, env, output: "inherit" });
    const [made] = [...Deno.readDirSync(build)].filter(({ name }) => name.endsWith(".deb"));
    const path = join(directory, made!.name);
    await Deno.copyFile(join(build, made!.name), path);
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

if (import.meta.main) {
  const { values: { "with-deno": withDeno = false } } = parseArgs({ options: { "with-deno": { type: "boolean" } } });
  const made = await makeDistribution({ directory: join(root, "dist"), withDeno });
  Deno.stdout.writeSync(new TextEncoder().encode([...made.scripts, made.package, ""].join("\n")));
}
