// The documents for people, where they can be held to what is there: links, permissions, lines for a shell's start.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { dirname, fromFileUrl, join } from "@std/path";
import { runProcess } from "../../../lib/base/process.ts";
import { permissionsOf, scripts } from "../../../tools/compile.ts";
import { testWith } from "../samples.ts";

const root = fromFileUrl(new URL("../../..", import.meta.url));

const reference = await Deno.readTextFile(join(root, "docs/reference.md"));

const readme = await Deno.readTextFile(join(root, "README.md"));

/** The documents for people, by their paths in the checkout. */
const documents = [
  "README.md",
  "CONTRIBUTING.md",
  "SECURITY.md",
  "examples/desktop-files/README.md",
  "tests/defences.md",
  ...[...Deno.readDirSync(join(root, "docs"))].map(({ name }) => `docs/${name}`).filter((path) => path.endsWith(".md")),
];

/** The text of a document without its code, in which brackets and `#` have other meanings. */
async function proseOf(document: string): Promise<string> {
  const markdown = await Deno.readTextFile(join(root, document));
  return markdown.replace(/^( *)```.*?^\1```$/gms, "").replace(/^ {4}.*$/gm, "");
}

/** The places that a document's links and pictures lead to, without those on the web. */
function targetsOf(markdown: string): string[] {
  return [...markdown.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target!).filter((target) =>
    !/^https?:/.test(target)
  );
}

/** The names by which a document's headings are linked to, as GitHub makes them. */
function anchorsOf(markdown: string): string[] {
  return [...markdown.matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
    heading!.toLowerCase().replace(/[^\p{L}\d\s_-]/gu, "").replaceAll(" ", "-")
  );
}

/** Whether a link of a document leads to a file of the checkout, and to a heading where it names one. */
async function leadsSomewhere(document: string, target: string): Promise<boolean> {
  const [path, anchor] = target.split("#");
  const file = path === "" ? document : join(dirname(document), path!);
  if (!await Deno.stat(join(root, file)).then(() => true, () => false)) return false;
  return anchor === undefined || anchorsOf(await proseOf(file)).includes(anchor);
}

for (const document of documents) {
  Deno.test(`${document}: each link leads somewhere`, async () => {
    const broken: string[] = [];
    for (const target of targetsOf(await proseOf(document))) {
      if (!await leadsSomewhere(document, target)) broken.push(target);
    }
    assertEquals(broken, []);
  });
}

Deno.test("docs/README.md leads to each of the documents for users", async () => {
  const targets = targetsOf(await proseOf("docs/README.md")).map((target) => join("docs", target));
  const others = documents.filter((document) =>
    document.includes("/") && !/^(docs\/README|tests\/.*)\.md$/.test(document)
  );
  assertEquals(others.filter((document) => !targets.includes(document)), []);
});

Deno.test("README.md is short: fewer than 220 lines, none over 120 columns", () => {
  const lines = readme.trimEnd().split("\n");
  assert(lines.length < 220, `${lines.length} lines`);
  assertEquals(lines.filter((line) => line.length > 120), []);
});

/** The figure in a row and a column of the table for a Wayland desktop in docs/benchmark.md. */
async function figure(row: string, column: string): Promise<string> {
  const rows = (await Deno.readTextFile(join(root, "docs/benchmark.md"))).split("\n## On a Wayland desktop\n")[1]!
    .split("\n").filter((line) => line.startsWith("|")).map((line) => line.split("|").map((cell) => cell.trim()));
  const head = rows.find((cells) => cells.includes("native") && cells.includes(column))!;
  return rows.find((cells) => cells[1] === row)![head.indexOf(column)]!.split(" ")[0]!;
}

Deno.test("README.md and docs/wayland.md: the figures are those of docs/benchmark.md", async () => {
  const [wayland, x11] = ["ours over Wayland", "ours over X"] as const;
  const [first, key] = ["attach to first window, s", "key pressed to new picture, terminal, ms"] as const;
  const [memory, given] = ["idle session", "idle session, terminal given back"].map((row) =>
    `${row}: memory of all its processes (PSS), MB`
  ) as [string, string];
  const text = readme.replace(/\s+/g, " ");
  for (
    const line of [
      `A window takes ${await figure(first, wayland)} s and a key ${await figure(key, wayland)} ms; ` +
      `over X, ${await figure(first, x11)} s and ${await figure(key, x11)} ms:`,
      `A session takes ${await figure(memory, wayland)} MB, ${await figure(given, wayland)} MB once Ctrl-C has ` +
      `returned the terminal, ${await figure(memory, x11)} MB over X`,
    ]
  ) assertStringIncludes(text, line);
  const row = [wayland, x11].map(async (by) => `${await figure(first, by)} s, ${await figure(key, by)} ms`);
  assertStringIncludes(
    await Deno.readTextFile(join(root, "docs/wayland.md")),
    `| first window, key to picture | ${(await Promise.all(row)).join(" | ")} |`,
  );
});

Deno.test("docs/reference.md: the list of permissions is what stands in the scripts", async () => {
  for (const script of scripts) {
    const item = new RegExp(`^- \`${script}.ts\` reads (.*?), writes (.*?), and starts (.*?)\\.$`, "ms").exec(
      reference,
    );
    assert(item, script);
    const [reads, writes, starts] = item.slice(1).map((part) => part.replace(/\s+/g, " "));
    const text = await Deno.readTextFile(join(root, `${script}.ts`));
    const header = text.slice(0, text.indexOf("/**"));
    const permissions = permissionsOf(text);
    const programs = /^--allow-run=(.*)/m.exec(permissions.join("\n"))![1]!;
    // attach.ts itself has a sentence of its own.
    const others = programs.split(",").filter((program) => program !== "gui-attach");
    assertEquals(starts, others.map((program) => `\`${program}\``).join(", "));
    assertEquals(reads === "any file", /^set -- --allow-read "/m.test(header), `${script}: ${reads}`);
    assertEquals(writes !== "nothing", permissions.includes("--allow-write"), `${script}: ${writes}`);
    for (const cell of [reads!, writes!]) {
      for (const [, place] of cell.matchAll(/`~\/([^`]*)`/g)) {
        for (const name of [place!.split("/")[0]!, place!.split("/").at(-1)!]) assertStringIncludes(header, name, cell);
      }
    }
    assert(!/--allow-net(?!="unix:\$m\/[^" ]*")/.test(header), "sockets only");
  }
});

for (
  const [shell, argv, seen] of [
    ["bash", ["bash", "--norc", "-c"], "complete -p create.ts attach.ts map.ts gui-map"],
    ["zsh", ["zsh", "-f", "-c"], "print -l $_comps[create.ts] $_comps[attach.ts] $_comps[map.ts] $_comps[gui-map]"],
    [
      "fish",
      ["fish", "--no-config", "-c"],
      'for name in create.ts attach.ts map.ts gui-map; complete -C "$name --eng"; end',
    ],
  ] as const
) {
  testWith([shell], `docs/installing.md: the line for ${shell} gives it the completions of all three`, async () => {
    const home = await Deno.makeTempDir();
    try {
      await Deno.symlink(root, join(home, "gui-container"));
      const text = await Deno.readTextFile(join(root, "docs/installing.md"));
      const line = text.split("\n").find((line) => line.includes(`--completions ${shell}`))!.trim();
      const before = shell === "zsh" ? "autoload -Uz compinit; compinit -u -D;" : "";
      const { stdout } = await runProcess([...argv, `${before} ${line}\n${seen}`], {
        env: { HOME: home },
      });
      assertEquals(stdout.trimEnd().split("\n").length, 4, stdout);
    } finally {
      await Deno.remove(home, { recursive: true });
    }
  });
}

/** What stands in a text of the code, with `…` for each value: a string, a template, or some of them joined by `+`. */
function wordsOf(code: string): string {
  return [...code.matchAll(/"((?:[^"\\]|\\.)*)"|`((?:[^`\\]|\\.)*)`/gs)].map(([, plain, template]) => plain ?? template)
    .join("").replace(/\$\{(?:[^{}]|\{[^{}]*\})*\}/g, "…");
}

Deno.test("docs/troubleshooting.md: each error whose hint is longer than a line has a heading, as it is printed", async () => {
  const headings = (await Deno.readTextFile(join(root, "docs/troubleshooting.md"))).split("\n")
    .filter((line) => line.startsWith("### ")).map((line) => line.slice(4));
  const literal = String.raw`(?:"(?:[^"\\]|\\.)*"|\x60(?:[^\x60\\]|\\.)*\x60)`;
  const joined = String.raw`${literal}(?:\s*\+\s*${literal})*`;
  const error = new RegExp(
    String.raw`\b(?:inputError|new UserError)\(\s*(${joined}),\s*(?:\{[^{}]*?hint:\s*)?(${joined})`,
    "g",
  );
  const long: string[] = [];
  for await (const { path, isFile } of filesBelow(join(root, "lib"))) {
    if (!isFile || !path.endsWith(".ts")) continue;
    for (const [, message, hint] of (await Deno.readTextFile(path)).matchAll(error)) {
      if (wordsOf(hint!).length > 100) long.push(wordsOf(message!));
    }
  }
  assert(long.length > 5, long.join("\n"));
  assertEquals(long.filter((message) => !headings.includes(message)), []);
});

/** The files below a directory. */
async function* filesBelow(directory: string): AsyncGenerator<{ path: string; isFile: boolean }> {
  for await (const { name, isFile, isDirectory } of Deno.readDir(directory)) {
    const path = join(directory, name);
    if (isDirectory) yield* filesBelow(path);
    else yield { path, isFile };
  }
}

/** The names of the tests in the files of tests of this name, as they stand there. */
async function testsIn(file: string): Promise<string[]> {
  const texts = ["unit", "e2e"].map((directory) =>
    Deno.readTextFile(join(root, "tests", directory, `${file}.test.ts`)).catch(() => "")
  );
  const called = /\b(?:Deno\.test|test[A-Z]\w*)\(\s*(?:\[[^\]]*\],\s*)?(["'`])(.*?)\1/g;
  return (await Promise.all(texts)).flatMap((text) => [...text.matchAll(called)].map(([, , name]) => name!));
}

Deno.test("tests/defences.md: each row of each table names a test that is there", async () => {
  const lines = (await Deno.readTextFile(join(root, "tests/defences.md"))).split("\n");
  const rows = lines.filter((line, at) => line.startsWith("|") && !/^\| -/.test(line) && !/^\| -/.test(lines[at + 1]!));
  assert(rows.length > 100, `${rows.length} rows`);
  const wrong: string[] = [];
  for (const row of rows) {
    const named = [...row.split("|").at(-2)!.matchAll(/`([\w/]+): ([^`]+)`/g)];
    const found = await Promise.all(
      named.map(async ([, file, part]) => (await testsIn(file!)).some((name) => name.includes(part!))),
    );
    if (named.length === 0 || found.includes(false)) wrong.push(row);
  }
  assertEquals(wrong, []);
});
