// What shells offer at the Tab key, and what they run of what a container has named.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { UserError } from "../../../lib/base/errors.ts";
import { exists } from "../../../lib/base/files.ts";
import { runProcess } from "../../../lib/base/process.ts";
import { quoteWord } from "../../../lib/base/shell_words.ts";
import { completionStub } from "../../../lib/cli/shells.ts";
import { testWith } from "../samples.ts";

const root = fromFileUrl(new URL("../../..", import.meta.url));

Deno.test("completionStub() refuses another shell with exit code 2", () => {
  for (const shell of ["sh", "constructor", ""]) {
    const error = assertThrows(() => completionStub({ name: "x", path: "/x" }, shell), UserError);
    assertEquals([error.message, error.exitCode, error.hint], [
      `There are no completions for "${shell}"`,
      2,
      "Use one of bash, zsh, fish",
    ]);
  }
});

/** Where a shell runs. */
interface Place {
  cwd: string;
  env: Record<string, string>;
}

/** Asks a shell, which has read `file`, what it offers for each of the lines: in turn, since it is offered nothing too late. */
type Ask = (file: string, lines: readonly string[], place: Place) => Promise<string[][]>;

const askBash: Ask = async (file, lines, place) => {
  const driver = `source "$1"; compopt() { :; }; COMP_LINE=$2 COMP_POINT=\${#2}; shift 2
    COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); current=\${!#}; [[ $current != [=:] ]] || current=
    "$(complete -p "\${1##*/}" | sed 's/.*-F \\([^ ]*\\).*/\\1/')" "$1" "$current" "\${COMP_WORDS[COMP_CWORD - 1]}"
    printf '%s\\n' "\${COMPREPLY[@]}"`;
  const hits: string[][] = [];
  for (const line of lines) {
    // Readline parts words at "=" and ":" too.
    const words = line.split(" ").flatMap((word) => word === "" ? [word] : word.split(/([=:])/).filter(Boolean));
    const argv = ["bash", "--norc", "-c", driver, "bash", file, line, ...words];
    // What is before a ":" stays on the line.
    const kept = /[^ ]*:(?=[^ ]*$)/.exec(line)?.[0] ?? "";
    hits.push((await runProcess(argv, { ...place })).stdout.split("\n").map((word) => word && kept + word));
  }
  return hits;
};

const askZsh: Ask = async (file, lines, { cwd, env }) => {
  // Another zsh, on a terminal, where what would be added to its list is written down too, and a dot behind each list.
  const driver = `
    zmodload zsh/zpty
    zpty inner "exec env PS1= TERM=dumb zsh -f -i"
    zpty -w inner 'autoload -Uz compinit && compinit -u -d ../dump; source "$COMPLETIONS"
      compadd() {
        local -a hits
        [[ \${@[(r)-[OAD]*]} == -[OAD]* ]] || { builtin compadd -O hits "$@"; print -rl -- $hits >>../hits; }
        builtin compadd "$@"
      }
      show() { zle list-choices; zle kill-whole-line; print . >>../hits; : >../done; }
      zle -C list-choices list-choices _main_complete; zle -N show; bindkey "^T" show; : >../done'
    for line in "" "$@"; do
      [[ -z $line ]] || zpty -w -n inner "$line"$'\\C-t'
      until [[ -e ../done ]]; do sleep 0.02; done
      rm ../done
    done
    zpty -d inner`;
  const hits = join(cwd, "../hits");
  await Deno.writeTextFile(hits, "");
  const argv = ["timeout", "300", "zsh", "-f", "-c", driver, "zsh", ...lines];
  await runProcess(argv, { cwd, env: { ...env, COMPLETIONS: file } });
  return (await Deno.readTextFile(hits)).split(/^\.$/m).slice(0, -1).map((text) => text.split("\n"));
};

const askFish: Ask = async (file, lines, place) => {
  const hits: string[][] = [];
  for (const line of lines) {
    const driver = "source $argv[1]; complete -C $argv[2]";
    const { stdout } = await runProcess(["fish", "--no-config", "-c", driver, file, line], { ...place });
    hits.push(stdout.split("\n").map((hit) => hit.split("\t")[0]!));
  }
  return hits;
};

const shells: readonly [shell: string, ask: Ask][] = [["bash", askBash], ["zsh", askZsh], ["fish", askFish]];

/** What a shell offers, in order; without what stands before a value or before the last word of a list. */
function offered(hits: readonly string[]): string[] {
  const words = hits.map((hit) => hit.replace(/^--[a-z]+=(?=.)/, "").replace(/.*,/, "").trim());
  return [...new Set(words.filter(Boolean))].sort();
}

/** Containers with sessions below `mounts`, all by their names, until the directory is removed. */
async function makeMounts(mounts: string, containers: Record<string, readonly string[]>): Promise<Disposable> {
  const listeners: Deno.Listener[] = [];
  for (const [container, sessions] of Object.entries(containers)) {
    const xpra = join(mounts, container, "xpra");
    await Deno.mkdir(xpra, { recursive: true });
    await Deno.writeTextFile(join(mounts, container, "known_hosts"), "");
    for (const session of sessions) {
      listeners.push(Deno.listen({ transport: "unix", path: join(xpra, session) }));
    }
  }
  return {
    [Symbol.dispose]: () => {
      for (const listener of listeners) listener.close();
    },
  };
}

/** What a script has answered, by a test and the words: what two shells ask in the same words, it is asked once. */
const answers = await Deno.makeTempDir();
globalThis.addEventListener("unload", () => Deno.removeSync(answers, { recursive: true }));

/** The stubs of the three scripts for a shell, in the file `stubs` of a directory. `test`: whose answers they have. */
async function writeStubs(directory: string, { shell, test }: { shell: string; test: string }): Promise<string> {
  const stubs = await Promise.all(["create.ts", "attach.ts", "map.ts"].map(async (script) => {
    const [real, asked] = [join(root, script), join(directory, script)];
    const text = `#!/bin/sh
answer=${answers}/$(printf '%s\\0' ${test} ${script} "$@" | md5sum | cut -c -32)
[ -e "$answer" ] || ${quoteWord(real)} "$@" >"$answer"
cat "$answer"
`;
    await Deno.writeTextFile(asked, text, { mode: 0o755 });
    const { stdout } = await runProcess([real, "--completions", shell]);
    assert(stdout.includes(real));
    return stdout.replace(real, asked);
  }));
  const file = join(directory, "stubs");
  await Deno.writeTextFile(file, stubs.join("\n"));
  return file;
}

/** What each line is to offer. */
const cases: readonly (readonly [line: string, offered: readonly string[]])[] = [
  ["attach.ts --eng", ["--engine"]],
  ["attach.ts --de", ["--deny", "--detached"]],
  ["attach.ts b", ["bag", "big:box", "box"]],
  ["attach.ts big:b", ["big:box"]],
  ["attach.ts --detached bi", ["big:box"]],
  ["attach.ts --detached --session x bo", ["box"]],
  ["attach.ts --preset tr", ["trusted"]],
  ["attach.ts --preset=tr", ["trusted"]],
  ["attach.ts --preset=", ["desktop", "isolated", "trusted"]],
  ["attach.ts --preset=trusted ba", ["bag"]],
  ["attach.ts --engine lxc ba", ["bag"]],
  ["attach.ts --allow sound,mic", ["microphone"]],
  ["attach.ts --allow=sound,mic", ["microphone"]],
  ["attach.ts --session f", ["firefox"]],
  ["attach.ts --stop box ", ["firefox", "xterm-2"]],
  ["attach.ts --logs box xt", ["xterm-2"]],
  ["attach.ts -- b", ["bag", "big:box", "box"]],
  ["attach.ts box ", ["firefox", "gimp"]],
  ["attach.ts bag ", []],
  ["attach.ts --disposable --preset=isolated box g", ["gimp"]],
  ["attach.ts --disposable box xterm k", ["key.pub"]],
  ["attach.ts box xterm --pres", ["--preset"]],
  ["gui-attach --stop bag ", []],
  ["~/gui-container/attach.ts ba", ["bag"]],
  ["create.ts new key.pub gui-o", ["gui-offline"]],
  ["create.ts --cache new key.pub gui fire", ["fire.yaml", "firefox", "firefox-debian"]],
  ["create.ts new ke", ["key.pub"]],
  ["create.ts --delete ", ["bag", "big:box", "box"]],
  ["create.ts --export --mime b", ["bag", "big:box", "box"]],
  ["map.ts box ", ["fire.yaml", "key.pub"]],
  ["map.ts --read-only box k", ["key.pub"]],
  ["map.ts --list ", []],
  ["map.ts --completions z", ["zsh"]],
];

for (const [shell, ask] of shells) {
  testWith([shell], `${shell} offers options, containers, sessions, bundled names, channels and files`, async () => {
    const directory = await Deno.makeTempDir();
    const mounts = join(directory, "my mounts");
    const cwd = join(directory, "cwd");
    try {
      await Deno.mkdir(cwd);
      for (const file of ["key.pub", "fire.yaml"]) await Deno.writeTextFile(join(cwd, file), "");
      using _ = await makeMounts(mounts, { "box": ["firefox", "xterm-2"], "bag": [], "big:box": [] });
      for (const log of ["firefox.log", "gimp.log", "gimp-2.log"]) {
        await Deno.writeTextFile(join(mounts, "box/xpra", log), "");
      }
      await Deno.writeTextFile(join(mounts, "box/xpra/no-socket"), "");
      await Deno.mkdir(join(mounts, "no-container/xpra"), { recursive: true });
      await Deno.mkdir(join(mounts, "box-d01234"));
      for (const file of ["known_hosts", "disposable.json"]) {
        await Deno.writeTextFile(join(mounts, "box-d01234", file), "");
      }
      const stubs = await writeStubs(directory, { shell, test: "offers" });
      const env = { GUI_CONTAINER_MOUNTS: mounts };
      const hits = await ask(stubs, cases.map(([line]) => line), { cwd, env });
      assertEquals(hits.map((words, index) => [cases[index]![0], offered(words)]), cases.map((pair) => [...pair]));
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  });
}

testWith(["zsh"], "zsh offers at the first Tab where the stub is a file in $fpath, as a package has it", async () => {
  const directory = await Deno.makeTempDir();
  const [cwd, functions, mounts] = [join(directory, "cwd"), join(directory, "functions"), join(directory, "m")];
  try {
    for (const path of [cwd, functions]) await Deno.mkdir(path);
    using _ = await makeMounts(mounts, { box: [], bag: [] });
    const stub = completionStub({ name: "gui-attach", path: join(root, "attach.ts") }, "zsh");
    await Deno.writeTextFile(join(functions, "_gui_attach"), stub);
    const start = join(directory, "start");
    await Deno.writeTextFile(start, `fpath=(${functions} $fpath); compinit -u -D`);
    const hits = await askZsh(start, ["gui-attach b", "gui-attach --stop b"], {
      cwd,
      env: { GUI_CONTAINER_MOUNTS: mounts },
    });
    assertEquals(hits.map(offered), [["bag", "box"], ["bag", "box"]]);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

/**
 * Names that a container can give to a socket, and a careless shell runs, expands or shows. None passes a rule for
 * names.
 */
const hostileNames: readonly string[] = [
  "$(touch pwned)",
  "`touch pwned`",
  ";touch pwned",
  "x$(touch pwned)",
  "'$(touch pwned)'",
  '"`touch pwned`',
  "${x:=$(touch pwned)}",
  "a|touch pwned",
  "&touch pwned",
  "(touch pwned)",
  "x\n$(touch pwned)\nx",
  "box\n;touch pwned",
  "x\t$(touch pwned)",
  "*",
  "?",
  "[a-z]*",
  "~root",
  "~",
  "!!",
  "{a,b}",
  "$HOME",
  "\\",
  "#",
  " ",
  "--all",
  "-x",
  ":files",
  ":list",
  "\x1b]52;c;cHduZWQ=\x07",
  "\x1b[31mred",
  "\r",
  "name.log",
  "nämé",
];

for (const [shell, ask] of shells) {
  testWith([shell], `${shell} runs nothing and offers nothing of what a container has named to attack it`, async () => {
    const directory = await Deno.makeTempDir();
    const [mounts, cwd] = [join(directory, "m"), join(directory, "cwd")];
    try {
      await Deno.mkdir(cwd);
      // A program of the script's name, as a container can put one into its shared directory.
      await Deno.writeTextFile(join(cwd, "attach.ts"), "#!/bin/sh\ntouch pwned; echo pwned\n", { mode: 0o755 });
      using _ = await makeMounts(mounts, {
        box: ["firefox", ...hostileNames],
        ...Object.fromEntries(hostileNames.map((name) => [name, ["other"]])),
      });
      for (const name of ["firefox", ...hostileNames]) {
        await Deno.writeTextFile(join(mounts, "box/xpra", `${name}.log`), "");
      }
      const stubs = await writeStubs(directory, { shell, test: "hostile" });
      const lines = [
        ...["attach.ts ", "./attach.ts ", "map.ts ", "create.ts --delete ", "attach.ts --stop "],
        ...["attach.ts --session ", "attach.ts --session=", "attach.ts --stop box ", "attach.ts --logs box "],
        "attach.ts box ",
      ];
      const hits = await ask(stubs, lines, { cwd, env: { GUI_CONTAINER_MOUNTS: mounts } });
      assertEquals(hits.map(offered), lines.map((line) => [/session|box/.test(line) ? "firefox" : "box"]));
      assert(!await exists(join(cwd, "pwned")));
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  });

  testWith(
    [shell],
    `${shell} takes each line that a script prints for text, and finds the script at any path`,
    async () => {
      const directory = await Deno.makeTempDir();
      const path = join(directory, `it's "a" \\\\ $(touch pwned) \`touch pwned\`; path\\`, "attach.ts");
      const cwd = join(directory, "cwd");
      try {
        await Deno.mkdir(cwd);
        await Deno.mkdir(join(path, ".."));
        const lines = [...hostileNames.filter((name) => !name.startsWith(":")), "firefox\tdescribed", "box"].join("\n");
        const text = `#!/bin/sh\ncat <<'END'\n${lines}\nEND\n`;
        await Deno.writeTextFile(path, text, { mode: 0o755 });
        await Deno.writeTextFile(join(directory, "stub"), completionStub({ name: "attach.ts", path }, shell));
        const asked = ["attach.ts ", "attach.ts x", "attach.ts $(touch\\ pwned) x", "attach.ts `touch\\ pwned` x"];
        const hits = await ask(join(directory, "stub"), asked, { cwd, env: {} });
        const words = offered(hits[0]!);
        for (const word of ["box", "firefox"]) assert(words.includes(word), words.join("\n"));
        if (shell === "bash") assert(!words.some((word) => /touch|[*~!]/.test(word)), words.join("\n"));
        assert(!await exists(join(cwd, "pwned")));
      } finally {
        await Deno.remove(directory, { recursive: true });
      }
    },
  );
}

/** Completions as they must not be: the same names as words that the shell expands. `$NAMES` has them. */
const careless: Readonly<Record<string, string>> = {
  bash: `_x() { COMPREPLY=($(compgen -W "$NAMES" -- "$2")); }; complete -F _x attach.ts`,
  zsh: `_x() { _arguments "*:name:($NAMES)" }; compdef _x attach.ts`,
  fish: `complete -c attach.ts -f -a "$NAMES"`,
};

for (const [shell, ask] of shells) {
  testWith([shell], `${shell} runs a container's words where completions expand them`, async () => {
    const directory = await Deno.makeTempDir();
    const cwd = join(directory, "cwd");
    try {
      await Deno.mkdir(cwd);
      await Deno.writeTextFile(join(directory, "stub"), careless[shell]!);
      const env = { NAMES: "firefox $(touch pwned)" };
      const [hits] = await ask(join(directory, "stub"), ["attach.ts f"], { cwd, env });
      assertEquals(offered(hits!), ["firefox"]);
      assert(await exists(join(cwd, "pwned")));
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  });
}

Deno.test("--complete needs to read nothing but names, and starts nothing", async () => {
  const mounts = await Deno.makeTempDir();
  try {
    using _ = await makeMounts(mounts, { box: ["firefox"] });
    const deno = [Deno.execPath(), "run", "--quiet", "--no-prompt"];
    const permissions = [`--allow-read=${mounts}`, "--allow-env=HOME,GUI_CONTAINER_MOUNTS"];
    const argv = [...deno, ...permissions, join(root, "attach.ts"), "--complete", "--", "--stop", "box", ""];
    const { stdout, stderr } = await runProcess(argv, { env: { GUI_CONTAINER_MOUNTS: mounts } });
    assertEquals([stdout, stderr], ["firefox\n", ""]);
  } finally {
    await Deno.remove(mounts, { recursive: true });
  }
});

Deno.test("--complete offers no more names than a shell can look at, however many a container makes", async () => {
  const directory = await Deno.makeTempDir();
  try {
    using _ = await makeMounts(directory, { box: [] });
    const fifos = Array.from({ length: 1_100 }, (_, index) => join(directory, "box/xpra", `s${index}`));
    await runProcess(["mkfifo", ...fifos]);
    const argv = [join(root, "attach.ts"), "--complete", "--", "--session", ""];
    const { stdout } = await runProcess(argv, { env: { GUI_CONTAINER_MOUNTS: directory } });
    assertEquals(stdout.split("\n").length, 101);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("--complete says nothing when it can tell nothing", async () => {
  // Deno's own files are elsewhere without a HOME.
  const { denoDir } = JSON.parse((await runProcess([Deno.execPath(), "info", "--json"])).stdout);
  for (const GUI_CONTAINER_MOUNTS of ["/no/such/directory", "no/absolute/path", "/dev/null", "/root/a,b", ""]) {
    for (const words of [[""], ["--stop", "../../etc", ""], ["--session", ""], ["--no-such", "x", "y", "z"]]) {
      const argv = [join(root, "attach.ts"), "--complete", "--", ...words];
      const result = await runProcess(argv, { env: { GUI_CONTAINER_MOUNTS, HOME: "/nonexistent", DENO_DIR: denoDir } });
      assertEquals([result.code, result.stdout, result.stderr], [0, "", ""]);
    }
  }
  const { stdout, stderr } = await runProcess([join(root, "attach.ts"), "--complete"]);
  assertEquals(stderr, "");
  assert(!stdout.includes("--"));
});
