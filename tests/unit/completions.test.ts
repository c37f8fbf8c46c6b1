// The completions in the shells themselves: each is given the start of a command line, and must offer the same.

import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { completionScript } from "../../lib/cli/completions.ts";
import { UserError } from "../../lib/base/errors.ts";
import { runProcess } from "../../lib/base/process.ts";
import { testWith } from "./samples.ts";

const root = fromFileUrl(new URL("../..", import.meta.url));

/** Asks a shell, whose completions are in `file`, what it offers for each of the lines. */
type Ask = (
  file: string,
  lines: readonly string[],
  options: { cwd: string; env: Record<string, string> },
) => Promise<string[][]>;

const askBash: Ask = (file, lines, options) => {
  // Readline parts words at = too.
  const driver = `source "$1"; compopt() { :; }; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
    "$(complete -p "$1" | sed 's/.*-F \\([^ ]*\\).*/\\1/')"; printf '%s\\n' "\${COMPREPLY[@]}"`;
  return Promise.all(lines.map(async (line) => {
    const words = line.split(" ").flatMap((word) => word.startsWith("--") ? word.split(/(=)/).filter(Boolean) : [word]);
    const { stdout } = await runProcess(["bash", "--norc", "-c", driver, "bash", file, ...words], {
      ...options,
    });
    return stdout.split("\n");
  }));
};

const askZsh: Ask = async (file, lines, options) => {
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
  const hits = join(options.cwd, "../hits");
  await Deno.writeTextFile(hits, "");
  await runProcess(["timeout", "30", "zsh", "-f", "-c", driver, "zsh", ...lines], {
    cwd: options.cwd,
    env: { ...options.env, COMPLETIONS: file },
  });
  return (await Deno.readTextFile(hits)).split(/^\.$/m).slice(0, -1).map((text) => text.split("\n"));
};

const askFish: Ask = (file, lines, options) =>
  Promise.all(lines.map(async (line) => {
    const driver = "source $argv[1]; complete -C $argv[2]";
    const { stdout } = await runProcess(["fish", "--no-config", "-c", driver, file, line], {
      ...options,
    });
    return stdout.split("\n").map((hit) => hit.split("\t")[0]!);
  }));

/** What each line is to offer; what stands before a value, or before the last of a list, is left out. */
const cases: readonly (readonly [line: string, offered: readonly string[]])[] = [
  ["attach.ts --eng", ["--engine"]],
  ["attach.ts --de", ["--deny", "--detached"]],
  ["attach.ts b", ["bag", "box"]],
  ["attach.ts --detached --session x bo", ["box"]],
  ["attach.ts --preset tr", ["trusted"]],
  ["attach.ts --preset=tr", ["trusted"]],
  ["attach.ts --engine lxc ba", ["bag"]],
  ["attach.ts --allow sound,mic", ["microphone"]],
  ["attach.ts --session f", ["firefox"]],
  ["attach.ts --stop box ", ["firefox", "xterm-2"]],
  ["attach.ts --logs box xt", ["xterm-2"]],
  ["attach.ts -- b", ["bag", "box"]],
  ["attach.ts box ", []],
  ["attach.ts box xterm --bor", []],
  ["gui-attach --stop bag ", []],
  ["create.ts new key.pub gui-o", ["gui-offline"]],
  ["create.ts --cache new key.pub gui fire", ["fire.yaml", "firefox", "firefox-debian"]],
  ["create.ts new ke", ["key.pub"]],
  ["create.ts --delete ", ["bag", "box"]],
  ["map.ts box ", ["fire.yaml", "key.pub"]],
  ["map.ts --read-only box k", ["key.pub"]],
  ["map.ts --list ", []],
  ["map.ts --completions z", ["zsh"]],
];

for (const [shell, ask] of [["bash", askBash], ["zsh", askZsh], ["fish", askFish]] as const) {
  testWith([shell], `${shell} offers options, containers, sessions, bundled names, channels and files`, async () => {
    const directory = await Deno.makeTempDir();
    const mounts = join(directory, "my mounts");
    const cwd = join(directory, "cwd");
    const listeners: Deno.Listener[] = [];
    try {
      await Deno.mkdir(cwd);
      for (const file of ["key.pub", "fire.yaml"]) await Deno.writeTextFile(join(cwd, file), "");
      for (const container of ["box", "bag", "no-container"]) {
        await Deno.mkdir(join(mounts, container, "xpra"), { recursive: true });
        if (container !== "no-container") await Deno.writeTextFile(join(mounts, container, "known_hosts"), "");
      }
      for (const session of ["firefox", "xterm-2"]) {
        listeners.push(Deno.listen({ transport: "unix", path: join(mounts, "box/xpra", session) }));
        await Deno.writeTextFile(join(mounts, "box/xpra", `${session}.log`), "");
      }
      const env = { GUI_CONTAINER_MOUNTS: mounts, HOME: directory };
      for (const script of ["create", "attach", "map"]) {
        const { stdout } = await runProcess(
          [Deno.execPath(), "run", "-A", join(root, `${script}.ts`), "--completions", shell],
        );
        const file = join(directory, script);
        await Deno.writeTextFile(file, stdout);
        const own = cases.filter(([line]) => /create|attach|map/.exec(line)![0] === script);
        const answers = await ask(file, own.map(([line]) => line), { cwd, env });
        assertEquals(answers.length, own.length);
        for (const [index, [line, offered]] of own.entries()) {
          const hits = answers[index]!
            .map((hit) => hit.replace(/^--[a-z]+=(?=.)/, "").replace(/.*,/, "").replace(/=$/, "").trim())
            .filter(Boolean);
          assertEquals([...new Set(hits)].sort(), [...offered], line);
        }
      }
    } finally {
      for (const listener of listeners) listener.close();
      await Deno.remove(directory, { recursive: true });
    }
  });
}

Deno.test("completionScript() refuses another shell with exit code 2, and quotes what a shell would take for its own", () => {
  const line = {
    commands: ["x"],
    options: [{ long: "a", help: "It's $5: [b]" }],
    places: { first: [] },
    placesWith: {},
  };
  for (const shell of ["sh", "constructor", ""]) {
    const error = assertThrows(() => completionScript(line, shell), UserError, `no completions for "${shell}"`);
    assertEquals([error.exitCode, error.hint], [2, "Use one of bash, zsh, fish"]);
  }
  assertStringIncludes(completionScript(line, "fish"), "-d 'It'\\''s $5: [b]'");
  assertStringIncludes(completionScript(line, "zsh"), "'--a[It'\\''s $5\\: \\[b\\]]'");
  assert(!completionScript(line, "bash").includes("_containers"), "no function that is not called");
});
