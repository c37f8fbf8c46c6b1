// What each script may do stands in its second line. It is the smallest set that works, and each part is scoped.

import { assert, assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { runProcess } from "../../lib/base/process.ts";
import { argumentsSeenByShell } from "./samples.ts";

const scripts = ["create", "attach", "map"] as const;

/** What runs the lines, in place of a script, as its path without symbolic links. */
const shell = await Deno.realPath("/bin/sh");

/** The words after `deno run` of a script's second line, as its shell sees them, HOME and all. */
async function denoArguments(script: string, environment: string): Promise<string[]> {
  const text = await Deno.readTextFile(new URL(`../../${script}.ts`, import.meta.url));
  const [first, second] = text.split("\n");
  assertEquals(first, "#!/bin/sh");
  const line = second!.replace(/^\/\/bin\/true; exec deno run /, "show ");
  assert(line !== second, second);
  const [words] = await argumentsSeenByShell(`set -- one 'two words'\n${environment}\n${line}`);
  return words!;
}

for (const script of scripts) {
  Deno.test(`${script}.ts asks for no permission that it could do without a scope`, async () => {
    const words = await denoArguments(script, "HOME=/home/me; unset GUI_CONTAINER_MOUNTS XDG_STATE_HOME");
    const options = words.slice(0, words.indexOf(shell));
    assert(options.includes("--no-prompt"));
    for (const option of options) {
      assert(!/^(?:-A|--allow-all|-P|--permission-set)\b/.test(option), option);
      assert(!/^--(?:allow-(?:net|sys|ffi|import|scripts)|unstable)/.test(option), option);
      assert(!/^(?:-[WREN]|--allow-(?:write|run|env))(?:=\*?)?$/.test(option), option);
      assert(/^(?:--quiet|--no-prompt|--allow-read(?:=.+)?|--allow-(?:write|run|env)=.+)$/.test(option), option);
      for (const path of /^--allow-write=(.*)/.exec(option)?.[1]?.split(",") ?? []) {
        assert(/^\/home\/me\/./.test(path), path);
      }
      for (const program of /^--allow-run=(.*)/.exec(option)?.[1]?.split(",") ?? []) {
        assert(/^[a-z][a-z-]*$/.test(program) && !/^(?:ba|da|z|)sh$|^(?:env|sudo|deno)$/.test(program), program);
      }
    }
  });

  Deno.test(`${script}.ts gets its own path and its arguments as they are`, async () => {
    const words = await denoArguments(script, "HOME='/home/a b'; unset GUI_CONTAINER_MOUNTS XDG_STATE_HOME");
    assertEquals(words.slice(-3), [shell, "one", "two words"]);
    for (const word of words.slice(0, -3)) assert(word.startsWith("--"), word);
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
    const attach = await denoArguments("attach", environment);
    assert(attach.includes(`--allow-read=${directory}`) || attach.includes("--allow-read"));
  }
});

Deno.test("a script can be started by a symbolic link to it", async () => {
  const directory = await Deno.makeTempDir();
  try {
    for (const script of scripts) {
      const link = `${directory}/${script}`;
      await Deno.symlink(fromFileUrl(new URL(`../../${script}.ts`, import.meta.url)), link);
      const { stdout } = await runProcess([link, "--version"]);
      assert(stdout.startsWith(`${script}.ts `), stdout);
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
