// What fits at a place of a command line.

import { assertEquals } from "@std/assert";
import { type CommandLine, complete } from "../../../lib/cli/completions.ts";

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
