import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { runProcess } from "../../../lib/base/process.ts";
import { withValues } from "../../../lib/base/shell_words.ts";
import { ProcessError, UserError } from "../../../lib/base/errors.ts";
import {
  changeSoftware,
  countIn,
  describeApps,
  PackageMissing,
  readAppWord,
  readAppWords,
} from "../../../lib/create/apps.ts";
import softwareScript from "../../../lib/create/software.sh" with { type: "text" };
import { engineCalled } from "../../../lib/engine/engine.ts";
import { type Answer, recordingHost } from "../recording_host.ts";

const instance = { engine: engineCalled("incus"), name: "art" };

/** The shell assignments that software.sh is sent with. */
function valuesSent(calls: readonly (readonly string[])[]): string {
  return calls.map((argv) => argv.find((word) => word.includes("# software.sh")) ?? "").join("").split("\n# ")[0]!;
}

Deno.test("readAppWord() takes names of packages and of snaps", async () => {
  assertEquals(await readAppWord("apt:libreoffice-core"), { source: "apt", name: "libreoffice-core" });
  assertEquals(await readAppWord("apt:g++"), { source: "apt", name: "g++" });
  assertEquals(await readAppWord("snap:firefox"), { source: "snap", name: "firefox" });
});

Deno.test("readAppWord() refuses what could be an option, a path or a command", async () => {
  for (
    const word of [
      "apt:",
      "apt:-o=x",
      "apt:a b",
      "apt:a;b",
      "apt:./a.deb",
      "apt:A",
      "apt:a\nb",
      "apt:bash-",
      "snap:-x",
      "snap:",
    ]
  ) {
    const error = await assertRejects(() => readAppWord(word), UserError);
    assertEquals(error.exitCode, 2, word);
  }
});

Deno.test("readAppWord() takes a package of Debian's that the user may read, and no other file", async () => {
  const directory = await Deno.makeTempDir();
  const path = join(directory, "a b.deb");
  try {
    await Deno.writeTextFile(path, "!<arch>\ndebian-binary   ");
    assertEquals(await readAppWord(`deb:${path}`), { source: "deb", name: path });
    await Deno.writeTextFile(join(directory, "not.deb"), "PK\x03\x04");
    for (const name of ["not.deb", "missing.deb", "."]) {
      const error = await assertRejects(() => readAppWord(`deb:${join(directory, name)}`), UserError);
      assertEquals(error.exitCode, 2, name);
    }
    const { hint } = await assertRejects(() => readAppWord("deb:~/app.deb"), UserError, '"~/app.deb"');
    assertStringIncludes(hint, 'deb:"$HOME/app.deb"');
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("readAppWords() wants a word, and none that only a new container takes", async () => {
  assertEquals((await assertRejects(() => readAppWords([]), UserError)).exitCode, 2);
  await assertRejects(() => readAppWords(["apt:krita", "firefox"]), UserError, '"firefox"');
});

Deno.test("describeApps() tells files apart by their contents", async () => {
  const path = await Deno.makeTempFile();
  const describe = (): Promise<string> => describeApps([{ source: "deb", name: path }, { source: "apt", name: "vlc" }]);
  try {
    const before = await describe();
    assertStringIncludes(before, "apt:vlc\n");
    await Deno.writeTextFile(path, "another");
    assertEquals(await describe() === before, false);
  } finally {
    await Deno.remove(path);
  }
});

Deno.test("changeSoftware() hands files over before it installs them with the packages and snaps", async () => {
  const path = await Deno.makeTempFile({ suffix: ".deb" });
  const { host, calls } = recordingHost({
    answer: (argv) => argv.some((word) => word.includes("# software.sh")) ? { stdout: "Done\n\n3\n" } : {},
  });
  try {
    const apps = [{ source: "deb", name: path }, { source: "apt", name: "krita" }, {
      source: "snap",
      name: "vlc",
    }] as const;
    assertEquals(await changeSoftware(host, instance, apps), 3);
  } finally {
    await Deno.remove(path);
  }
  assertEquals(calls.length, 2);
  assertStringIncludes(calls[0]!.join(" "), "cat >/var/cache/gui-container/1.deb");
  for (const value of ["packages=krita", "files=/var/cache/gui-container/1.deb", "snaps=vlc"]) {
    assertStringIncludes(valuesSent(calls).replaceAll("'", ""), value);
  }
});

Deno.test("changeSoftware() tells the name and version of each file, and nothing else that a container has made up", async () => {
  const path = await Deno.makeTempFile();
  try {
    const { host, said, options } = recordingHost({ answer: () => ({ stdout: "\n2\n" }) });
    await changeSoftware(host, instance, [1, 2].map(() => ({ source: "deb", name: path })));
    const { output } = options.at(-1)!;
    assert(typeof output === "object" && "line" in output);
    for (const name of ["hello 2.10-3", "evil\x1b[31m 1", "x y z", "another 1", "krita 5"]) {
      output.line(`File: ${name}`);
    }
    const shown = said.filter((line) => line.startsWith("status: ") && line.includes("installing"));
    assertEquals(shown.map((line) => line.split("installing ")[1]), ["hello 2.10-3", "another 1"]);
  } finally {
    await Deno.remove(path);
  }
});

/** The error of an installation in which apt knows no package `inkscpae`. */
async function errorWithout(pkgnames: Answer): Promise<unknown> {
  const { host } = recordingHost({
    answer: (argv) => {
      if (argv.includes("pkgnames")) return pkgnames;
      return { code: 100, stdout: "Reading package lists...\nE: Unable to locate package inkscpae\n\n0\n" };
    },
  });
  return await changeSoftware(host, instance, [{ source: "apt", name: "inkscpae" }]).catch((error) => error);
}

Deno.test("changeSoftware() names the three nearest packages where one is not there", async () => {
  const error = await errorWithout({ stdout: "inn2\ninkscape\ninkscapes\nink\ninkscape-tutorials\ninkscap3\niraf\n" });
  assertEquals(error instanceof PackageMissing, true);
  const { message, hint, output, cause } = error as PackageMissing;
  assertStringIncludes(message, '"inkscpae"');
  assertStringIncludes(hint, "inkscape, inkscap3, inkscapes");
  assertStringIncludes(output!, "Unable to locate package inkscpae");
  assertEquals(cause instanceof ProcessError, true);
});

Deno.test("changeSoftware() shows no name that a hostile container has made up", async () => {
  const error = await errorWithout({ stdout: "inkscp\x1b[31m\ninkscpa;rm\nInkscpae\n" });
  const { hint } = error as PackageMissing;
  for (const name of ["rm", "\x1b", "Inkscpae"]) assertEquals(hint.includes(name), false, hint);
});

Deno.test("changeSoftware() hands on every other failure of the package manager", async () => {
  const { host } = recordingHost({ answer: () => ({ code: 76, stdout: "There is neither apt-get nor dnf\n" }) });
  const error = await changeSoftware(host, instance).catch((error) => error);
  assertEquals([error.name, error.code], ["ProcessError", 76]);
});

Deno.test("software.sh finishes what was interrupted, and keeps settings; else apt-get waits for another dpkg", async () => {
  const directory = await Deno.makeTempDir();
  const log = join(directory, "log");
  const fake = (name: string, text: string): Promise<void> =>
    Deno.writeTextFile(join(directory, "bin", name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  await Deno.mkdir(join(directory, "bin"));
  await fake("apt-get", `echo "apt-get $*" >>${log}`);
  await fake("dpkg", `echo "dpkg $*" >>${log}; echo "dpkg frontend lock was locked by another process" >&2; exit 2`);
  for (const name of ["dpkg-query", "flock"]) await fake(name, "");
  await Deno.mkdir(join(directory, "apt"));
  await Deno.mkdir(join(directory, "dpkg/updates"), { recursive: true });
  const script = withValues(softwareScript.replaceAll("/var/lib/", `${directory}/`), { unknown: "76" });
  const calls = async (): Promise<string[]> => {
    await Deno.writeTextFile(log, "");
    const env = { PATH: `${directory}/bin:${Deno.env.get("PATH")}` };
    await runProcess(["/bin/sh", "-c", script], { env });
    return (await Deno.readTextFile(log)).trim().split("\n").map((line) => line.replace(/^(\S+) .* (?=\S+$)/, "$1 … "));
  };
  assertEquals(await calls(), ["apt-get … update", "apt-get … upgrade"]);
  await Deno.writeTextFile(join(directory, "dpkg/updates/0001"), "");
  assertEquals(await calls(), ["apt-get … update", "dpkg … -a", "apt-get … upgrade"]);
  await Deno.remove(directory, { recursive: true });
});

Deno.test("software.sh counts snaps that are new", async () => {
  const directory = await Deno.makeTempDir();
  const fake = (name: string, text: string): Promise<void> =>
    Deno.writeTextFile(join(directory, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  for (const name of ["apt-get", "dpkg-query"]) await fake(name, "echo kept 1");
  await fake("snap", `case $1 in list) cat ${directory}/snaps ;; install) echo "$2 1.0" >>${directory}/snaps ;; esac`);
  await Deno.writeTextFile(join(directory, "snaps"), "core 1\n");
  const script = withValues(softwareScript, { unknown: "76", snaps: "one two" });
  const { stdout } = await runProcess(["/bin/sh", "-c", script], {
    env: { PATH: `${directory}:${Deno.env.get("PATH")}` },
  });
  assertEquals(countIn(stdout), 2);
  await Deno.remove(directory, { recursive: true });
});
