// What each script may do stands in its first lines. It is the smallest set that works, and each part is scoped. No
// file that somebody has planted in the current directory changes it, or is run by it.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { runProcess } from "../../../lib/base/process.ts";
import { fileOf, scripts, withPrograms } from "../../../tools/permissions.ts";
import { argumentsSeenByShell, testWith } from "../samples.ts";

const root = fromFileUrl(new URL("../../..", import.meta.url));

/** What runs the lines, in place of a script, as its path without symbolic links. */
const shell = await Deno.realPath("/bin/sh");

/** The lines of a script that are commands for sh, without the first. */
async function headerOf(script: string): Promise<string[]> {
  const [first, ...lines] = (await Deno.readTextFile(join(root, `${script}.ts`))).split("\n");
  assertEquals(first, "#!/bin/sh");
  const header = lines.slice(0, lines.findIndex((line) => line.endsWith(" # */")) + 1);
  assert(header[0]!.startsWith("/*bin/true 2>/dev/null #"), header[0]);
  assert(header.at(-1)!.startsWith("exec deno run "), header.at(-1));
  return header;
}

/** The words after `deno run` in a script's first lines, as its shell sees them, HOME and all. */
async function denoArguments(script: string, environment: string): Promise<string[]> {
  const lines = (await headerOf(script)).join("\n").replace("\nexec deno run ", "\nshow ");
  const [words] = await argumentsSeenByShell(`set -- one 'two words'\n${environment}\n${lines}`);
  return words!;
}

for (const script of scripts) {
  Deno.test(`${script}.ts asks for no permission that it could do without a scope`, async () => {
    const words = await denoArguments(script, "HOME=/home/me; unset GUI_CONTAINER_MOUNTS XDG_STATE_HOME XDG_DATA_HOME");
    const options = words.slice(0, words.indexOf(shell));
    assert(options.includes("--no-prompt"));
    for (const option of options) {
      assert(!/^(?:-A|--allow-all|-P|--permission-set)\b/.test(option), option);
      assert(!/^--(?:allow-(?:sys|ffi|import|scripts)|unstable)/.test(option), option);
      // No network: three sockets of a directory of its own.
      const sockets = /^--allow-net=(.*)/.exec(option)?.[1]?.split(",") ?? [];
      for (const socket of sockets) {
        assert(
          /^unix:\/home\/me\/container_mounts\/\.attach-\d+\/(?:guard|answer|commands\/command|ssh-agent)$/.test(
            socket,
          ),
          option,
        );
      }
      assert(!/^(?:-[WREN]|--allow-(?:write|run|env))(?:=\*?)?$/.test(option), option);
      assert(
        /^(?:--quiet|--no-prompt|--v8-flags=--max-old-space-size=\d+|--allow-read(?:=.+)?|--allow-(?:write|run|env|net)=.+)$/
          .test(option),
        option,
      );
      for (const path of /^--allow-write=(.*)/.exec(option)?.[1]?.split(",") ?? []) {
        assert(/^\/home\/me\/./.test(path), path);
      }
      for (const program of /^--allow-run=(.*)/.exec(option)?.[1]?.split(",") ?? []) {
        // attach.ts starts itself, for a link that opens in another container.
        if (script === "attach" && program === shell) continue;
        assert(/^[a-z][a-z-]*$/.test(program) && !/^(?:ba|da|z|)sh$|^(?:env|sudo|deno)$/.test(program), program);
      }
    }
  });

  Deno.test(`${script}.ts gets its own path and its arguments as they are`, async () => {
    const words = await denoArguments(
      script,
      "HOME='/home/a b'; unset GUI_CONTAINER_MOUNTS XDG_STATE_HOME XDG_DATA_HOME",
    );
    assertEquals(words.slice(-3), [shell, "one", "two words"]);
    for (const word of words.slice(0, -3)) assert(word.startsWith("--"), word);
    // Deno 2.9.0 takes it once.
    assertEquals(words.filter((word) => word.startsWith("--allow-run")).length, 1);
  });
}

for (const script of scripts) {
  Deno.test(`${script}.ts may start the programs that the table of programs has for it: deno task permissions`, async () => {
    const text = await Deno.readTextFile(fileOf(script));
    assertEquals(withPrograms(text, script), text);
    assertStringIncludes(withPrograms(text.replace("=lxc,", "=bash,").replace('="lxc,', '="bash,'), script), text);
  });
}

Deno.test("create.ts and attach.ts are scoped to the directories that they use", async () => {
  for (
    const [environment, directory] of [
      ["HOME='/home/a b'; unset GUI_CONTAINER_MOUNTS", "/home/a b/container_mounts"],
      ["GUI_CONTAINER_MOUNTS=/m", "/m"],
      ["HOME=/h; GUI_CONTAINER_MOUNTS=", "/h/container_mounts"],
    ] as const
  ) {
    assert((await denoArguments("create", environment)).includes(`--allow-write=${directory}`));
    for (const [data, share] of [["/d", "/d"], ["d", "/h/share"], ["/d,/", "/h/share"], ["", "/h/share"]]) {
      const create = await denoArguments("create", `${environment}; HOME=/h; XDG_DATA_HOME='${data}'`);
      const own = share!.replace("share", ".local/share");
      assert(create.includes(`--allow-write=${own}/applications,${own}/gui-container`), create.join(" "));
    }
    for (const [config, own] of [["/c", "/c"], ["c", "/h/.config"], ["/c,/", "/h/.config"], ["", "/h/.config"]]) {
      for (const [script, more] of [["create", ",L/mimeapps.list,L/mimeapps.list.gui-container"], ["attach", ""]]) {
        const words = await denoArguments(script!, `${environment}; HOME=/h; XDG_CONFIG_HOME='${config}'`);
        assert(words.includes(`--allow-write=${own}/gui-container${more!.replaceAll("L", own!)}`), words.join(" "));
      }
    }
    const attach = await denoArguments("attach", environment);
    assert(attach.includes(`--allow-write=${directory}`));
  }
});

Deno.test("a script that Deno runs without its permissions says how to run it", async () => {
  const { code, stderr } = await runProcess([Deno.execPath(), "run", join(root, "create.ts"), "--version"], {
    okCodes: "any",
    env: { NO_COLOR: "1" },
  });
  assertEquals(code, 2);
  assertStringIncludes(
    stderr,
    "hint: Run it as a program, ./create.ts, or with all permissions: deno run -A create.ts",
  );
});

Deno.test("a script can be started by a symbolic link to it", async () => {
  const directory = await Deno.makeTempDir();
  try {
    for (const script of scripts) {
      const link = `${directory}/${script}`;
      await Deno.symlink(fromFileUrl(new URL(`../../../${script}.ts`, import.meta.url)), link);
      const { stdout } = await runProcess([link, "--version"]);
      assert(stdout.startsWith(`${script}.ts `), stdout);
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

/** A directory in which whatever the first lines look up by name is planted: each leaves a file `pwned` beside it. */
async function plantedDirectory(): Promise<string> {
  const directory = await Deno.makeTempDir();
  await Deno.mkdir(join(directory, "bin"));
  for (const name of ["deno", "readlink", "true", "bin/true", "sh", "bin/sh", "set", "command"]) {
    const text = `#!/bin/sh\n: >${directory}/pwned\n`;
    await Deno.writeTextFile(join(directory, name), text, { mode: 0o755 });
  }
  return directory;
}

for (const script of scripts) {
  Deno.test(`${script}.ts runs no program that is planted in the current directory`, async () => {
    const directory = await plantedDirectory();
    try {
      const path = Deno.env.get("PATH")!;
      for (const PATH of [path, `.:${path}`, `:${path}`, `bin:./bin:${path}`, `${path}:`]) {
        const { stdout } = await runProcess([join(root, `${script}.ts`), "--version"], {
          cwd: directory,
          env: { PATH, CDPATH: "." },
        });
        assert(stdout.startsWith(`${script}.ts `), stdout);
      }
      const none = await runProcess([join(root, `${script}.ts`), "--version"], {
        cwd: directory,
        env: { PATH: ":." },
        okCodes: [127],
      });
      assertStringIncludes(none.stderr, "deno");
      assertEquals(await Deno.stat(join(directory, "pwned")).catch(() => "nothing"), "nothing");
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  });
}

// The lines of the others are longer than the name of a file can be.
Deno.test("create.ts gets the permissions of its lines, whatever files the current directory has", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const words = (await headerOf("create")).flatMap((line) => /--allow-\S+\*\S*/.exec(line) ?? []);
    assertEquals(words.length, 1);
    const planted = words[0]!.replaceAll("'", "").replace("*", "PRELOAD,*");
    await Deno.writeTextFile(join(directory, planted), "");
    const seen = `cd ${directory}; HOME=/h; unset GUI_CONTAINER_MOUNTS XDG_STATE_HOME XDG_DATA_HOME`;
    assert(!(await denoArguments("create", seen)).includes(planted));
    // Without the quotes, the shell takes the file's name for the option.
    const [unquoted] = await argumentsSeenByShell(`cd ${directory}; show ${words[0]!.replaceAll("'", "")}`);
    assertEquals(unquoted, [planted]);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("a planted program is run by a shell that looks for it in a directory of $PATH that is not absolute", async () => {
  const directory = await plantedDirectory();
  try {
    const env = { PATH: `.:${Deno.env.get("PATH")}` };
    await runProcess(["/bin/sh", "-c", "deno --version"], { cwd: directory, env });
    assert((await Deno.stat(join(directory, "pwned"))).isFile);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

testWith(["bwrap", "readlink"], "a script starts on a system like NixOS, whose /bin has a shell only", async () => {
  const bin = "/run/current-system/sw/bin";
  const shown = (from: string, to: string): string[] => ["--ro-bind", from, to];
  const argv = [
    ...["bwrap", "--unshare-user", "--dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp", "--dir", bin],
    ...shown(shell, "/bin/sh"),
    ...["readlink"].flatMap((program) => shown(`/usr/bin/${program}`, `${bin}/${program}`)),
    ...shown(Deno.execPath(), `${bin}/deno`),
    // What these programs are linked with; NixOS has that in its store.
    ...["/lib", "/lib64", "/usr/lib"].flatMap((path) => ["--ro-bind-try", path, path]),
    ...["create.ts", "attach.ts", "map.ts", "deno.json", "deno.lock", "lib", "profiles", "examples"]
      .flatMap((name) => shown(join(root, name), `/home/me/gui-container/${name}`)),
    ...shown(denoCache(), "/home/me/.cache/deno"),
    ...["--clearenv", "--setenv", "HOME", "/home/me", "--setenv", "PATH", bin, "--chdir", "/tmp"],
  ];
  for (const name of scripts) {
    const { stdout, stderr } = await runProcess([...argv, `/home/me/gui-container/${name}.ts`, "--version"]);
    assertEquals([stdout.split(" ")[0], stderr], [`${name}.ts`, ""]);
  }
});

/** Where Deno keeps the packages that it has fetched. */
function denoCache(): string {
  return Deno.env.get("DENO_DIR") ??
    join(Deno.env.get("XDG_CACHE_HOME") ?? join(Deno.env.get("HOME")!, ".cache"), "deno");
}

Deno.test("a script runs in a directory with spaces and quotes in its path, by a link, and by its bare name", async () => {
  const directory = await Deno.makeTempDir();
  const checkout = join(directory, `it's $HOME, "a * b"`);
  try {
    await Deno.mkdir(checkout);
    const files = ["map.ts", "deno.json", "deno.lock", "lib"];
    await runProcess(["cp", "-R", ...files.map((file) => join(root, file)), checkout]);
    await Deno.symlink(join(checkout, "map.ts"), join(directory, "my map"));
    for (const argv of [[join(checkout, "map.ts")], ["./my map"], ["sh", "my map"]]) {
      const { stdout } = await runProcess([...argv, "--version"], { cwd: directory });
      assert(stdout.startsWith("map.ts "), stdout);
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
