// The manual pages: a reader sees the words of the help as they are, and neither groff nor mandoc finds a fault.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { commandLine as attach } from "../../attach.ts";
import { commandLine as create } from "../../create.ts";
import { commandLine as map } from "../../map.ts";
import { optionsOf, type ScriptSpec } from "../../lib/cli/options.ts";
import { runProcess } from "../../lib/base/process.ts";
import { withInstalledNames } from "../../tools/bundle.ts";
import { manPage, manPageOfShell, roff } from "../../tools/man_page.ts";
import { testWith } from "./samples.ts";

const edition = { version: "1.2.3", date: "2026-01-31" };

const opener = await Deno.readTextFile(
  new URL("../../examples/desktop-files/open-in-container", import.meta.url),
);

/** A script whose texts hold what roff would take for its own. */
const awkward: ScriptSpec<string> = {
  name: "attach.ts",
  summary: ".so \\fBdoes\\fR 'it' – with `ticks` and a back\\slash.",
  usage: ["[options] NAME 'FILE'...", "--dot"],
  options: {
    "dot": { help: ".TH at the start, \\(em in it, $(x) ~/y ^z, … and attach.ts" },
    "value": { short: "v", value: "C,…", help: "'quoted' --as-is" },
  },
  places: { first: [] },
  placesWith: {},
  epilogue: `
Plain words,
.in two lines.

Example:
  attach.ts  box "a  b" \\t 'c'
  .second

What happens: it does
this.
  1. First \`one\`
     goes on
  2. .Second
After.`,
};

const pages: readonly (readonly [name: string, page: string])[] = [
  ["gui-attach", manPage(attach, edition)],
  ["gui-create", manPage(create, edition)],
  ["gui-map", manPage(map, edition)],
  ["open-in-container", manPageOfShell("open-in-container", opener, edition)],
  ["awkward", manPage(awkward, edition)],
];

/** Writes a page to a file, and hands that on. */
async function withPage<T>(page: string, use: (file: string) => Promise<T>): Promise<T> {
  const directory = await Deno.makeTempDir();
  try {
    const file = join(directory, "page.1");
    await Deno.writeTextFile(file, page);
    return await use(file);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** What a reader sees, in lines as long as they need to be. */
async function rendered(page: string): Promise<string> {
  const env = { MANWIDTH: "900", LC_ALL: "C.UTF-8", MANPAGER: "cat" };
  const argv = ["man", "--no-hyphenation", "--no-justification", "-l"];
  return await withPage(page, async (file) => (await runProcess([...argv, file], { env })).stdout);
}

Deno.test("roff() leaves nothing that roff would take for a request or an escape", () => {
  assertEquals(roff(".x\n'y\\z"), "\\&.x\n\\(aqy\\ez");
  assertEquals(roff("--a 'b' ~/c `d` ^"), "\\-\\-a \\(aqb\\(aq \\(ti/c \\(gad\\(ga \\(ha");
  assertEquals(roff("…é𝄞"), "\\[u2026]\\[u00E9]\\[u1D11E]");
});

for (const [name, page] of pages) {
  testWith(["man"], `${name}(1): groff warns of nothing`, async () => {
    const argv = ["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z"];
    const { stderr } = await withPage(page, (file) => runProcess([...argv, file], { env: { LC_ALL: "C.UTF-8" } }));
    assertEquals(stderr, "");
  });

  testWith(["mandoc"], `${name}(1): mandoc finds no fault`, async () => {
    const { stdout } = await withPage(
      page,
      (file) => runProcess(["mandoc", "-Tlint", "-Wwarning", file], { okCodes: "any" }),
    );
    assertEquals(stdout, "");
  });
}

testWith(["man"], "the page of a script shows all that its help says, by the names of what is installed", async () => {
  for (const [spec, text] of [[attach, pages[0]![1]], [create, pages[1]![1]], [map, pages[2]![1]]] as const) {
    const seen = await rendered(text);
    const words = seen.replace(/\s+/g, " ");
    for (const [option, { short, value, help }] of Object.entries(optionsOf(spec))) {
      const term = `${short ? `-${short}, ` : ""}--${option}${value ? ` ${value}` : ""}`;
      assertStringIncludes(words, ` ${term} ${withInstalledNames(help)}.`);
    }
    for (const usage of spec.usage) assertStringIncludes(seen, ` ${withInstalledNames(spec.name)} ${usage}\n`);
    assert(!/(create|attach|map)\.ts/.test(seen), seen);
    assertStringIncludes(seen, "gui-container 1.2.3");
    assertStringIncludes(seen, "2026-01-31");
  }
});

testWith(["man"], "a page shows awkward words as they are", async () => {
  const seen = await rendered(pages[4]![1]);
  for (
    const line of [
      ".so \\fBdoes\\fR 'it' – with `ticks` and a back\\slash",
      "gui-attach [options] NAME 'FILE'...",
      ".TH at the start, \\(em in it, $(x) ~/y ^z, … and gui-attach.",
      "-v, --value C,…",
      "'quoted' --as-is.",
      "Plain words, .in two lines.",
      `gui-attach  box "a  b" \\t 'c'`,
      ".second",
      "It does this.",
      "1.  First `one` goes on",
      "2.  .Second",
      "After.",
    ]
  ) assertStringIncludes(seen, line);
});

testWith(["man"], "the page of open-in-container says how it is called, and what it does", async () => {
  const seen = await rendered(pages[3]![1]);
  assertMatch(seen, /^NAME\n +open-in-container - opens a web address or a file [^.:]*\n/m);
  assertMatch(seen, /^SYNOPSIS\n +open-in-container \[--OPTION=VALUE\.\.\.\] NAME .*FILE\]\n/m);
  assertMatch(seen, /^DESCRIPTION\n +Opens a web address .*\.\n/m);
  assertStringIncludes(seen, "gui-map");
});
