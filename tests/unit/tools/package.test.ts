// What a person without a checkout installs: the scripts as single files, the Debian package, `deno install` from a
// server.

import { assert, assertEquals, assertMatch, assertStringIncludes, assertThrows } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import config from "../../../deno.json" with { type: "json" };
import { runProcess } from "../../../lib/base/process.ts";
import { programs } from "../../../lib/base/programs.ts";
import { type Bundle, bundle, headerOf, launcher, singleFile, withInstalledNames } from "../../../tools/bundle.ts";
import { scripts } from "../../../tools/compile.ts";
import { makeDistribution, makePackage, recommendedPackages, releaseDate } from "../../../tools/package.ts";
import { argumentsSeenByShell, testWith } from "../samples.ts";

const root = fromFileUrl(new URL("../../..", import.meta.url));

const directory = await Deno.makeTempDir({ prefix: "gui-container-package-test-" });
globalThis.addEventListener("unload", () => Deno.removeSync(directory, { recursive: true }));

/** The text of a script. */
function textOf(script: string): Promise<string> {
  return Deno.readTextFile(join(root, `${script}.ts`));
}

Deno.test("CHANGELOG.md tells what the version of deno.json brings", async () => {
  assertMatch(releaseDate(await Deno.readTextFile(join(root, "CHANGELOG.md"))), /^\d{4}-\d{2}-\d{2}$/);
  const other = "# Changelog\n\n## [Unreleased]\n\n## [0.10.0] - 2026-02-03\n\n## [0.9.1] - 2025-12-31\n";
  assertThrows(() => releaseDate(other), Error, "The newest version in CHANGELOG.md is 0.10.0, not");
});

Deno.test("withInstalledNames() changes the scripts' names, and no path", () => {
  assertEquals(
    withInstalledNames(`attach.ts --stop; "create.ts" (map.ts)`),
    `gui-attach --stop; "gui-create" (gui-map)`,
  );
  for (const text of ["./attach.ts", "lib/map/map.ts", "remap.ts", "x.map.ts", "map.tsx", "create-x"]) {
    assertEquals(withInstalledNames(text), text);
  }
});

testWith(
  ["dpkg-query"],
  "each program that a script may start is of a package that this one needs, or essential",
  async () => {
    const recommends = recommendedPackages();
    const [, depends] = /^Depends: (.*)$/m.exec(await Deno.readTextFile(join(root, "tools/debian/control")))!;
    const needed = [...depends!.split(", "), ...recommends];
    for (const name of ["xpra", "waypipe", "zenity"]) assert(needed.includes(name), name);
    for (const [program, { scripts, package: name }] of Object.entries(programs)) {
      // The engine is the user's to choose, and so is the firewall.
      const chosen = ["lxc", "incus", "firewall-cmd"];
      if (scripts.length === 0 || chosen.includes(program)) continue;
      if (needed.includes(name?.split(" ")[0] ?? "")) continue;
      const owner = await runProcess(["dpkg-query", "-S", `*bin/${program}`], { okCodes: "any" });
      const ownerName = owner.stdout.split(":")[0]!;
      const { stdout } = await runProcess(["dpkg-query", "-W", "-f", "${Essential}", ownerName], { okCodes: "any" });
      assertEquals([program, stdout], [program, "yes"]);
    }
  },
);

for (const script of scripts) {
  Deno.test(`gui-${script} gets the permissions of ${script}.ts, by its own file and by the package`, async () => {
    const made = { header: headerOf(await textOf(script)), code: "" };
    const before = "HOME='/home/a b'; unset GUI_CONTAINER_MOUNTS XDG_STATE_HOME; set -- one 'two words'\n";
    const words = async (text: string): Promise<string[]> => {
      const [seen] = await argumentsSeenByShell(before + text.replace(/^(\/\/bin\/true; )?exec \S+ run /m, "show "));
      return seen!.map((word) => word.replace(/\.attach-\d+/g, ".attach-PID"));
    };
    const own = await words((await textOf(script)).replace(/ # \*\/\n[^]*/, "\n"));
    assert(own.length > 5);
    assertEquals(await words(singleFile(made).replace(/ # \*\/\n[^]*/, "\n")), own);
    for (const deno of [undefined, "/usr/lib/x/deno"]) {
      const text = launcher(made, { module: "/usr/share/x/x.js", deno });
      assertEquals(await words(text), own.map((word, at) => at === own.length - 3 ? "/usr/share/x/x.js" : word));
      assertEquals(text.includes("\nexec /usr/lib/x/deno run "), deno !== undefined);
      assertEquals(text.includes("deno -V"), deno === undefined, "the package's own Deno is new enough");
      assert(!text.includes("bin/true"), text);
    }
  });
}

/** The scripts, each with all that it imports. */
const bundles = new Map<string, Bundle>();
// One after another: Deno's first two bundles at once take esbuild from each other while they fetch it (2.9.6).
for (const script of scripts) bundles.set(script, await bundle(script));

/** Where the scripts run that need nothing of this machine but Deno: no import map, nothing in Deno's cache. */
const bare = { cwd: directory, env: { DENO_DIR: join(directory, "deno-dir"), NO_COLOR: "1" } };

Deno.test("a script in one file needs neither import map nor cache, and goes by its installed name", async () => {
  for (const script of scripts) {
    const made = singleFile(bundles.get(script)!);
    const path = join(directory, `gui-${script}.js`);
    await Deno.writeTextFile(path, made, { mode: 0o755 });
    assertEquals((await runProcess([path, "--version"], bare)).stdout, `gui-${script} ${config.version}\n`);
    const { stdout } = await runProcess([path, "--help"], bare);
    assertStringIncludes(stdout, `Usage: gui-${script} [options]`);
    assert(!/(create|attach|map)\.ts/.test(stdout), stdout);
    // What it is made of is named by package, not by where this machine keeps it.
    assertStringIncludes(made, "\n// npm:deno-std@");
    assert(!/^\/\/ (\.\.|\/|.*node_modules|.*\.cache)/m.test(made.slice(made.indexOf("// Above"))));
    // Nothing is imported that would have to be fetched.
    assertEquals(made.split("\n").filter((line) => /^import .* from |\bimport\((?!"node:)/.test(line)), []);
  }
});

Deno.test("a script in one file says what to do where there is no Deno", async () => {
  const made = { header: headerOf(await textOf("map")), code: "" };
  for (const text of [singleFile(made), launcher(made, { module: "/x.js" })]) {
    const path = join(directory, "no-deno");
    await Deno.writeTextFile(path, text, { mode: 0o755 });
    const { stdout, stderr } = await runProcess([path, "--help"], { env: { PATH: "/nowhere" }, okCodes: [127] });
    assertEquals(stdout, "");
    assertMatch(
      stderr,
      /^error: Deno 2\.9\.0 or newer is needed\. `deno -V` says: .*not found\nhint: Get it from .*\n$/,
    );
  }
});

/** Calls `make` as for another person: with another umask, time zone, and time for files that a build makes. */
async function elsewhere(make: () => Promise<string>): Promise<string> {
  const others = { SOURCE_DATE_EPOCH: "86400", TZ: "Pacific/Kiritimati" };
  const before = Object.keys(others).map((name) => [name, Deno.env.get(name)] as const);
  const umask = Deno.umask(0o077);
  for (const [name, value] of Object.entries(others)) Deno.env.set(name, value);
  try {
    return await make();
  } finally {
    Deno.umask(umask);
    for (const [name, value] of before) value === undefined ? Deno.env.delete(name) : Deno.env.set(name, value);
  }
}

testWith(["dh", "help2man"], "the package is the same whoever makes it, and has what it should", async () => {
  const first = join(directory, "first");
  const made = await makeDistribution({ directory: first, withDeno: false });
  const again = await elsewhere(() => makePackage(bundles, { directory, withDeno: false }));
  await runProcess(["cmp", made.package, again]);
  assertEquals(made.package, join(first, `gui-container_${config.version}_all.deb`));
  const { stdout } = await runProcess(["dpkg-deb", "--contents", made.package]);
  for (
    const file of [
      ...scripts.map((script) => `-rwxr-xr-x root/root .* ./usr/bin/gui-${script}$`),
      "-rwxr-xr-x root/root .* ./usr/bin/open-in-container$",
      ...["create", "attach", "map"].map((script) => `-rw-r--r-- .* ./usr/share/man/man1/gui-${script}.1.gz$`),
      "./usr/share/man/man1/open-in-container.1.gz$",
      "./usr/share/man/man1/gui-containers.1.gz$",
      "./usr/share/applications/gui-container.Containers.desktop$",
      "lrwxrwxrwx .* ./usr/bin/gui-containers -> ../share/gui-container/containers.py$",
      "-rwxr-xr-x root/root .* ./usr/share/gui-container/containers.py$",
      "-rw-r--r-- root/root .* ./usr/share/gui-container/model.py$",
      "./usr/share/bash-completion/completions/gui-attach$",
      "./usr/share/zsh/vendor-completions/_gui_attach$",
      "./usr/share/fish/vendor_completions.d/gui-attach.fish$",
      "./usr/share/doc/gui-container/examples/cloud-config/your-own-app.yaml$",
      "./usr/share/doc/gui-container/examples/desktop-files/README.md$",
      "./usr/share/doc/gui-container/examples/profiles/gui.yaml$",
      "./usr/share/doc/gui-container/README.md$",
      "./usr/share/doc/gui-container/changelog.gz$",
    ]
  ) assertMatch(stdout, new RegExp(`^${file.startsWith("./") ? ".* " : ""}${file}`, "m"));
  const recommends = await runProcess(["dpkg-deb", "--field", made.package, "Recommends"]);
  assertMatch(recommends.stdout, /^incus-base \| incus \| lxd, .*, xpra \(>= 5\)/);
  const tree = join(directory, "tree");
  await runProcess(["dpkg-deb", "--extract", made.package, tree]);
  for (
    const file of [
      "bash-completion/completions/gui-map",
      "zsh/vendor-completions/_gui_map",
      "fish/vendor_completions.d/gui-map.fish",
    ]
  ) assertStringIncludes(await Deno.readTextFile(join(tree, "usr/share", file)), "/usr/bin/gui-map");
  // Nothing tells where this machine has its checkout.
  await runProcess(["grep", "-rF", root, tree], { okCodes: [1] });
  const page = await runProcess(["man", "-l", join(tree, "usr/share/man/man1/gui-attach.1.gz")], {
    env: { MANWIDTH: "200", LC_ALL: "C.UTF-8", MANPAGER: "cat" },
  });
  for (
    const text of [
      "gui-attach - run an app in a container",
      "--allow CHANNEL,…",
      "EXIT STATUS",
      "gui-attach --list [NAME]",
    ]
  ) {
    assertStringIncludes(page.stdout, text);
  }
});

/** Serves a directory to this machine while `use` runs. */
async function served(path: string, use: (address: string) => Promise<void>): Promise<void> {
  const types: Readonly<Record<string, string>> = { ts: "application/typescript", js: "text/javascript" };
  await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async ({ url }) => {
    const { pathname } = new URL(url);
    try {
      const type = types[pathname.split(".").at(-1)!] ?? "text/plain";
      return new Response(await Deno.readFile(join(path, pathname)), { headers: { "content-type": type } });
    } catch {
      return new Response("Not found", { status: 404 });
    }
  });
  await use(`http://127.0.0.1:${server.addr.port}`);
}

/**
 * Installs a script by `deno install` into a directory of this test, and runs it. Returns what it says its version is.
 */
async function installed(name: string, words: readonly string[], options = bare): Promise<string> {
  const prefix = await Deno.makeTempDir({ dir: directory });
  await runProcess([Deno.execPath(), "install", "--global", "--root", prefix, ...words], options);
  return (await runProcess([join(prefix, "bin", name), "--version"], options)).stdout;
}

Deno.test("deno install takes the scripts from a server: the single files by their address alone", async () => {
  const place = join(directory, "served");
  await Deno.mkdir(place);
  await Deno.writeTextFile(join(place, "gui-map.js"), singleFile(bundles.get("map")!));
  await served(place, async (address) => {
    assertEquals(await installed("gui-map", ["-A", `${address}/gui-map.js`]), `gui-map ${config.version}\n`);
  });
});

Deno.test("deno install takes the scripts from a server: those of a checkout with the import map of deno.json", async () => {
  // The one npm package is taken from this machine's cache.
  const { stdout } = await runProcess([Deno.execPath(), "info", "--json"]);
  const cache = join(directory, "deno-dir-with-npm");
  await Deno.mkdir(cache);
  await Deno.symlink(JSON.parse(stdout).npmCache, join(cache, "npm"));
  const options = { ...bare, env: { ...bare.env, DENO_DIR: cache } };
  await served(root, async (address) => {
    for (const script of scripts) {
      const name = `gui-${script}`;
      const words = ["-A", "--name", name, "--import-map", `${address}/deno.json`, `${address}/${script}.ts`];
      assertEquals(await installed(name, words, options), `${script}.ts ${config.version}\n`);
    }
  });
});
