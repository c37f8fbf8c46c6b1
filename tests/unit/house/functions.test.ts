// No function is longer than a person can hold.

import { assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";

/** How many lines of code a function may have, with its signature, and without blanks and comments. */
const maxLines = 80;

/** The last line of a signature, as `deno fmt` writes it. */
const opening =
  /=> \{$|^\s*(?:export )?(?:async )?function\b.*\{$|^\s*(?!(?:if|for|while|switch|catch)\b)(?:\w+ )*[\w$#]+(?:<.*>)?\(.*\)(?:: .*)? \{$|^\s*\}?\)(?:: .*)? \{$/;

/** The functions in a text, each with its number of lines. It is indented: a function ends where nothing is further in. */
function functionsIn(text: string): { name: string; lines: number }[] {
  const lines = text.split("\n").filter((line) => !/^\s*($|\/\/|\/?\*)/.test(line));
  const depths = lines.map((line) => line.length - line.trimStart().length);
  return lines.flatMap((line, at) => {
    if (!opening.test(line)) return [];
    const end = depths.findIndex((depth, index) => index > at && depth <= depths[at]!);
    // A signature of several lines begins where a line as far out is.
    const isSeveral = /^\s*\}?\)/.test(line);
    const start = isSeveral ? depths.findLastIndex((depth, index) => index < at && depth === depths[at]) : at;
    const [, name = lines[start]!] = /([\w$#]+)(?: =|<|\()/.exec(lines[start]!.replace("await ", "")) ?? [];
    return [{ name, lines: end - start + 1 }];
  });
}

async function* filesIn(directory: string): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(directory)) {
    const path = `${directory}/${name}`;
    if (isDirectory) yield* filesIn(path);
    else if (/(?<!\.d)\.ts$/.test(name)) yield path;
  }
}

Deno.test("the length of a function is that of its signature and its body", () => {
  const body = Array(5).fill("    step();").join("\n");
  const text = `
export async function one(
  a: string,
  { b }: { b: string },
): Promise<void> {
  // It is no line.
  const two = (): void => {
${body}
  };

  if (a === b) {
    two();
  }
}

class Three {
  four(): void {
    five({
      six: () => {
${body.replaceAll("  step", "      step")}
      },
    });
  }
}
`;
  assertEquals(functionsIn(text), [
    { name: "one", lines: 15 },
    { name: "two", lines: 7 },
    { name: "four", lines: 11 },
    { name: "      six: () => {", lines: 7 },
  ]);
});

Deno.test(`no function of lib is longer than ${maxLines} lines`, async () => {
  const tooLong: string[] = [];
  for await (const path of filesIn(fromFileUrl(new URL("../../../lib", import.meta.url)))) {
    for (const { name, lines } of functionsIn(await Deno.readTextFile(path))) {
      if (lines > maxLines) tooLong.push(`${name} in ${path.replace(/^.*\/lib\//, "lib/")}: ${lines}`);
    }
  }
  assertEquals(tooLong, []);
});
