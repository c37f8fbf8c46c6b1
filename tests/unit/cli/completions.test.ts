// What fits at a place of a command line.

import { assertEquals, assertStringIncludes } from "@std/assert";
import { type CommandLine, complete, nextLine } from "../../../lib/cli/completions.ts";
import { fromFileUrl, join } from "@std/path";
import { runProcess } from "../../../lib/base/process.ts";
import { mountsIn } from "../../../lib/container/paths.ts";

/** Two containers: each has a session that runs, and an app that has run. */
const mounts = await Deno.makeTempDir();
globalThis.addEventListener("unload", () => Deno.removeSync(mounts, { recursive: true }));
for (const name of ["bag", "box"]) {
  await Deno.mkdir(`${mounts}/${name}/xpra`, { recursive: true });
  for (const path of ["known_hosts", `xpra/${name}-app.log`]) await Deno.writeTextFile(`${mounts}/${name}/${path}`, "");
  await new Deno.Command("mkfifo", { args: [`${mounts}/${name}/xpra/${name}-session`] }).output();
}
const host = { env: (name: string) => name === "GUI_CONTAINER_MOUNTS" ? mounts : undefined };

const line: CommandLine = {
  options: {
    "image": { help: "An image", value: "IMAGE", short: "i" },
    "at": { help: "A container", value: "NAME", completion: "container" },
    "session": { help: "A session", value: "S", completion: "session" },
    "allow": { help: "Channels", value: "C,…", completion: { words: ["sound", "tray", "links"], list: true } },
    "deny": { help: "Channels", value: "C,…", completion: { words: ["sound", "tray"], list: true, containers: true } },
    "delete": { help: "Delete it" },
    "verbose": { help: "More", short: "v" },
  },
  operands: { first: ["container", null, { words: ["gui"], files: true }], rest: "file" },
  operandsWith: { "delete": { first: ["container", "session"] }, "verbose": { first: ["container", "app"] } },
};

/** The words that fit at the end of a command line, and `:files` and `:list`. */
async function fitting(...words: string[]): Promise<string[]> {
  return (await complete(line, words, host)).map((text) => text.split("\t")[0]!);
}

const allOptions = ["--image", "-i", "--at", "--session", "--allow", "--deny", "--delete", "--verbose", "-v"];

Deno.test("complete() offers the options before the first positional, with what they are", async () => {
  for (const before of [[], ["--delete"], ["-v", "--image", "x"], ["-vi", "x"], ["--image=x"]]) {
    for (const typed of ["-", "--", "--im"]) assertEquals(await fitting(...before, typed), allOptions);
  }
  assertEquals((await complete(line, ["--"], host))[0], "--image\tAn image");
  for (const before of [["x"], ["-"]]) assertEquals(await fitting(...before, "--im"), allOptions);
  assertEquals(await fitting("--", "x", "--im"), []);
  assertEquals(await fitting("--", "--im"), ["bag", "box"]);
});

Deno.test("complete() offers the value of an option, behind it and behind =", async () => {
  assertEquals(await fitting("--at", ""), ["bag", "box"]);
  assertEquals(await fitting("--at=b"), ["--at=bag", "--at=box"]);
  assertEquals(await fitting("--session", "x"), ["bag-session", "box-session"]);
  for (const words of [["--image", ""], ["-i", ""], ["-vi", "-"], ["--image=x"], ["--delete=x"], ["--bogus=x"]]) {
    assertEquals(await fitting(...words), []);
  }
});

Deno.test("complete() goes on with a list behind each comma, without the words that it has", async () => {
  assertEquals(await fitting("--allow", "s"), ["sound", "tray", "links", ":list"]);
  assertEquals(await fitting("--allow", "tray,s"), ["tray,sound", "tray,links", ":list"]);
  assertEquals(await fitting("--allow=tray,"), ["--allow=tray,sound", "--allow=tray,links", ":list"]);
  assertEquals(await fitting("--deny", ""), ["sound", "tray", "bag", "box", ":list"]);
  assertEquals(await fitting("--deny", "tray,"), ["tray,sound", ":list"]);
});

Deno.test("complete() offers what fits at the place of a positional, by the flags before it", async () => {
  assertEquals(await fitting(), ["bag", "box"]);
  assertEquals(await fitting("--image", "--delete", ""), ["bag", "box"]);
  assertEquals(await fitting("a", ""), []);
  assertEquals(await fitting("a", "b", ""), ["gui", ":files"]);
  assertEquals(await fitting("a", "b", "c", ""), [":files"]);
  assertEquals(await fitting("--delete", "box", ""), ["box-session"]);
  assertEquals(await fitting("--delete", "--", "box", ""), ["box-session"]);
  assertEquals(await fitting("--delete", "box", "s", ""), []);
  assertEquals(await fitting("-v", "box", ""), ["box-app"]);
  assertEquals(await fitting("-v", "box", "x", ""), []);
});

const root = fromFileUrl(new URL("../../..", import.meta.url));

Deno.test("a script without arguments says what to type next, by the containers and sessions that there are", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const env = { GUI_CONTAINER_MOUNTS: join(directory, "mounts") };
    const host = { env: (name: string) => (env as Record<string, string>)[name] };
    const add = async (name: string, session?: string): Promise<void> => {
      const { directory, sockets, knownHosts } = mountsIn(host, name);
      await Deno.mkdir(sockets, { recursive: true });
      await Deno.writeTextFile(knownHosts, "");
      if (session !== undefined) Deno.listen({ transport: "unix", path: join(sockets, session) }).unref();
      assertStringIncludes(directory, name);
    };
    const first = "Next, make a container: create.ts my-container firefox";
    assertEquals(await nextLine(host), first);
    await add("bank");
    assertEquals(await nextLine(host), 'Next, run an app in "bank": attach.ts bank APP');
    await add("web", "firefox");
    await add("web", "$(id)");
    assertEquals(await nextLine(host), 'Next, show "firefox" again: attach.ts web');
    await add("web", "xterm");
    assertEquals(await nextLine(host), 'Next, show "firefox" again: attach.ts --session=firefox web');
    for (const script of ["create", "attach"]) {
      const { code, stdout, stderr } = await runProcess([join(root, `${script}.ts`)], { okCodes: "any", env });
      assertEquals([code, stdout], [2, ""]);
      assertStringIncludes(stderr, `/attach.ts --session=firefox web\n`);
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
