// What fits at a place of a command line.

import { assertEquals } from "@std/assert";
import { type CommandLine, complete, type Names } from "../../../lib/cli/completions.ts";

const names: Names = {
  containers: () => Promise.resolve(["box", "bag"]),
  sessions: (container) => Promise.resolve([`${container}-session`]),
  apps: (container) => Promise.resolve([`${container}-app`]),
};

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
  names,
  operandsWith: { "delete": { first: ["container", "session"] }, "verbose": { first: ["container", "app"] } },
};

/** The words that fit at the end of a command line, and `:files` and `:list`. */
async function fitting(...words: string[]): Promise<string[]> {
  return (await complete(line, words)).map((text) => text.split("\t")[0]!);
}

const allOptions = ["--image", "-i", "--at", "--session", "--allow", "--deny", "--delete", "--verbose", "-v"];

Deno.test("complete() offers the options before the first positional, with what they are", async () => {
  for (const before of [[], ["--delete"], ["-v", "--image", "x"], ["-vi", "x"], ["--image=x"]]) {
    for (const typed of ["-", "--", "--im"]) assertEquals(await fitting(...before, typed), allOptions);
  }
  assertEquals((await complete(line, ["--"]))[0], "--image\tAn image");
  for (const before of [["x"], ["-"]]) assertEquals(await fitting(...before, "--im"), allOptions);
  assertEquals(await fitting("--", "x", "--im"), []);
  assertEquals(await fitting("--", "--im"), ["box", "bag"]);
});

Deno.test("complete() offers the value of an option, behind it and behind =", async () => {
  assertEquals(await fitting("--at", ""), ["box", "bag"]);
  assertEquals(await fitting("--at=b"), ["--at=box", "--at=bag"]);
  assertEquals(await fitting("--session", "x"), ["undefined-session"]);
  for (const words of [["--image", ""], ["-i", ""], ["-vi", "-"], ["--image=x"], ["--delete=x"], ["--bogus=x"]]) {
    assertEquals(await fitting(...words), []);
  }
});

Deno.test("complete() goes on with a list behind each comma, without the words that it has", async () => {
  assertEquals(await fitting("--allow", "s"), ["sound", "tray", "links", ":list"]);
  assertEquals(await fitting("--allow", "tray,s"), ["tray,sound", "tray,links", ":list"]);
  assertEquals(await fitting("--allow=tray,"), ["--allow=tray,sound", "--allow=tray,links", ":list"]);
  assertEquals(await fitting("--deny", ""), ["sound", "tray", "box", "bag", ":list"]);
  assertEquals(await fitting("--deny", "tray,"), ["tray,sound", ":list"]);
});

Deno.test("complete() offers what fits at the place of a positional, by the flags before it", async () => {
  assertEquals(await fitting(), ["box", "bag"]);
  assertEquals(await fitting("--image", "--delete", ""), ["box", "bag"]);
  assertEquals(await fitting("a", ""), []);
  assertEquals(await fitting("a", "b", ""), ["gui", ":files"]);
  assertEquals(await fitting("a", "b", "c", ""), [":files"]);
  assertEquals(await fitting("--delete", "box", ""), ["box-session"]);
  assertEquals(await fitting("--delete", "--", "box", ""), ["box-session"]);
  assertEquals(await fitting("--delete", "box", "s", ""), []);
  assertEquals(await fitting("-v", "box", ""), ["box-app"]);
  assertEquals(await fitting("-v", "box", "x", ""), []);
});
