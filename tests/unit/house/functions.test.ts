// No function is longer than a person can hold.

import { assertEquals } from "@std/assert";
import { fromFileUrl, relative } from "@std/path";

const lib = fromFileUrl(new URL("../../../lib", import.meta.url));

/** How many lines of code a function may have, its signature included. */
const maxLines = 80;

/** The last line of a function's signature, as `deno fmt` writes it. */
const opening =
  /=> \{$|^\s*(?:export )?(?:default )?(?:async )?function\b.*\{$|^\s*(?!(?:if|for|while|switch|catch)\b)(?:\w+ )*[\w$#]+(?:<.*>)?\(.*\)(?:: .*)? \{$|^\s*\}?\)(?:: .*)? \{$/;

interface Measured {
  name: string;
  lines: number;
}

/** The functions in a text, which `deno fmt` has indented: each ends at a brace below its beginning. */
function functionsIn(text: string): Measured[] {
  const lines = text.split("\n").filter((line) => !/^\s*($|\/\/|\/?\*)/.test(line));
  const depthOf = (line: string): number => line.length - line.trimStart().length;
  return lines.flatMap((line, at) => {
    if (!opening.test(line)) return [];
    const depth = depthOf(line);
    const end = lines.findIndex((other, index) => index > at && depthOf(other) <= depth);
    // A signature of several lines begins where a line as far left opens a parenthesis.
    const start = /^\s*\}?\)/.test(line) ? lines.findLastIndex((other, index) => index < at && depthOf(other) === depth) : at;
    const [, name = "?"] = /(?:function\*? |const |let )?([\w$#]+)(?= ?[=(<:])/.exec(lines[start]!) ?? [];
    return [{ name, lines: end - start + 1 }];
  });
}
