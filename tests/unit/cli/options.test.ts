// Command lines: what is taken, and what is refused.

import { parseArgs } from "node:util";
import { assert, assertEquals, assertMatch, assertStringIncludes, assertThrows } from "@std/assert";
import { commandLine as attach } from "../../../attach.ts";
import { commandLine as create } from "../../../create.ts";
import { UserError } from "../../../lib/base/errors.ts";
import {
  helpText,
  nearestOption,
  optionsOf,
  parseCommandLine,
  parseDuration,
  type ScriptSpec,
  tokensOf,
} from "../../../lib/cli/options.ts";
import { commandLine as map } from "../../../map.ts";
import { spec } from "../scripts.ts";
import { assertRefuses } from "../refusals.ts";

/** Flags, values and positionals of a command line. */
function parsed(...args: string[]): [string[], Record<string, string>, string[]] {
  const { flags, values, positionals } = parseCommandLine(spec, args);
  return [[...flags.keys()].sort(), Object.fromEntries(values), positionals];
}

Deno.test("tokensOf() takes a command line apart as node:util does", () => {
  const options = optionsOf(attach);
  const known = Object.fromEntries(
    Object.entries(options).map(([name, { short, value }]) => {
      const type = value === undefined ? "boolean" as const : "string" as const;
      return [name, short === undefined ? { type } : { type, short }];
    }),
  );
  const words = [
    ...[
      "--",
      "-",
      "",
      "a",
      "-n",
      "-nv",
      "-nx",
      "-n=3",
      "-é",
      "-\n",
      "--list",
      "--list=3",
      "--session",
      "--session=a=b",
    ],
    ...["--session=", "--foo", "--foo=1", "--foo=", "--=x", "--=", "--toString", "--a\n=b\nc"],
  ];
  for (const first of words) {
    for (const second of words) {
      for (const third of words) {
        const args = [first, second, third];
        const { tokens } = parseArgs({ args, options: known, strict: false, tokens: true });
        const given = tokens.map((token) =>
          token.kind === "option"
            ? [token.index, token.name, token.value, token.value !== undefined && token.inlineValue]
            : [token.index, token.kind, "value" in token && token.value]
        );
        const taken = tokensOf(args, options).map((token) =>
          token.kind === "option"
            ? [token.index, token.name, token.value, token.value !== undefined && token.isInline]
            : [token.index, token.kind, "value" in token && token.value]
        );
        assertEquals(taken, given, args.join(" "));
      }
    }
  }
});

Deno.test("parseCommandLine() tells flags, values and positionals apart", () => {
  assertEquals(parsed(), [[], {}, []]);
  assertEquals(parsed("--delete", "-n", "--image", "x", "box", "y"), [["delete", "dry-run"], { image: "x" }, [
    "box",
    "y",
  ]]);
  assertEquals(parsed("--image=a=b", "--engine=lxc"), [[], { image: "a=b", engine: "lxc" }, []]);
  assertEquals(parsed("-nv", "x", "y"), [["dry-run", "verbose"], {}, ["x", "y"]]);
});

Deno.test("parseCommandLine() takes flags that start with no- as flags of their own", () => {
  assertEquals(parsed("--no-wait", "x"), [["no-wait"], {}, ["x"]]);
  assertEquals(parsed("--no-gui", "x"), [["no-gui"], {}, ["x"]]);
  assertEquals(parsed("--gui", "--no-wait"), [["gui", "no-wait"], {}, []]);
});

Deno.test("parseCommandLine() understands options wherever they stand before --", () => {
  assertEquals(parsed("box", "--json", "x y", "--image", "z", "--delete"), [["delete", "json"], { image: "z" }, [
    "box",
    "x y",
  ]]);
  assertEquals(parsed("box", "--", "--json", "-q", ""), [[], {}, ["box", "--json", "-q", ""]]);
  assertEquals(parsed("--json", "--", "--delete", "x"), [["json"], {}, ["--delete", "x"]]);
  assertEquals(parsed("--", "--", "x"), [[], {}, ["--", "x"]]);
  assertEquals(parsed("-"), [[], {}, ["-"]]);
  assertThrows(() => parsed("box", "--bogus"), UserError, '"--bogus"');
});

Deno.test("parseCommandLine() keeps options of other programs behind the first positional, and never one of its own", () => {
  const passing = { ...spec, passesOn: "always" } as const;
  const read = (...args: string[]): unknown[] => {
    const { flags, values, positionals, rest } = parseCommandLine(passing, args);
    return [[...flags], Object.fromEntries(values), positionals, rest];
  };
  assertEquals(read("box", "xterm", "--colour=red", "--delete", "-e", "--image=x", "-vx", "--", "--delete"), [
    [["delete", 2 + 1]],
    { image: "x" },
    ["box", "xterm", "--colour=red", "-e", "-vx"],
    ["--delete"],
  ]);
  // A letter in a word of the app's takes no value from it.
  assertEquals(read("box", "xterm", "-xi", "y"), [[], {}, ["box", "xterm", "-xi", "y"], []]);
  assertEquals(read("box", "-vn", "-vx"), [[["verbose", 1], ["dry-run", 1]], {}, ["box", "-vx"], []]);
  assertEquals(read("--", "box", "-v", "--", "x"), [[], {}, ["box", "-v"], ["x"]]);
  assertThrows(() => read("--border=red", "box"), UserError, '"--border"');
  const some = { ...spec, passesOn: "delete" } as const;
  assertThrows(() => parseCommandLine(some, ["box", "--border=red"]), UserError, "Unknown option");
  assertEquals(parseCommandLine(some, ["box", "--delete", "--border=red"]).positionals, ["box", "--border=red"]);
});

Deno.test("parseCommandLine() takes no name for a number or a truth value", () => {
  for (const name of ["007", "1e3", "0x10", "true", "false", "null", "", "__proto__"]) {
    assertEquals(parsed(name), [[], {}, [name]]);
    assertEquals(parsed("--delete", name), [["delete"], {}, [name]]);
    assertEquals(parsed("-vn", name, name), [["dry-run", "verbose"], {}, [name, name]]);
    if (name !== "") assertEquals(parsed("--image", name, name), [[], { image: name }, [name]]);
  }
});

Deno.test("parseCommandLine() refuses an unknown option with exit code 2, and names it", () => {
  for (
    const [args, name] of [
      [["--bogus"], "--bogus"],
      [["--bogus=secret", "x"], "--bogus"],
      [["-x"], "-x"],
      [["-5"], "-5"],
      [["--constructor"], "--constructor"],
      [["--__proto__=1"], "--__proto__"],
      [["--engine.foo=1"], "--engine.foo"],
      [["--_=x"], "--_"],
      [["--_", "x"], "--_"],
      [["-=x"], "-"],
    ] as const
  ) {
    const error = assertThrows(() => parsed(...args), UserError, `option "${name}"`);
    assertEquals([error.exitCode, error.hint], [2, "See try.ts --help"]);
  }
});

Deno.test("nearestOption() knows a slip of the keys, a beginning and a text program's dash, and no other word", () => {
  const options = optionsOf(attach);
  for (
    const [word, nearest] of [
      ["--prest=isolated", "preset"],
      ["--prset", "preset"],
      ["--pre=isolated", "preset"],
      ["-preset=isolated", "preset"],
      ["\u2014preset=isolated", "preset"],
      ["\u2013-preset", "preset"],
      ["--dney=clipboard", "deny"],
      ["--den=clipboard", "deny"],
      ["--disposible", "disposable"],
      ["--sesion=x", "session"],
      ["--bordr=red", "border"],
      ["--Preset=isolated", "preset"],
    ] as const
  ) assertEquals(nearestOption(word, options), nearest, word);
  for (
    const word of [
      ...["--writer", "--calc", "--impress", "--draw", "--norestore", "--view", "--headless", "--convert-to"],
      ...["--private-window", "--new-window", "--new-tab", "--profile", "--kiosk", "--safe-mode", "--incognito"],
      ...["--fullscreen", "--volume=50", "--geometry=80x24", "--class=x", "--log=debug", "--env=A=b", "--key=x"],
      ...["--user-data-dir=/x", "--no-sandbox", "--follow", "-e", "-w", "-preset", "-display", "firefox", "-", "a—b"],
    ]
  ) assertEquals(nearestOption(word, options), undefined, word);
});

Deno.test("parseCommandLine() refuses what looks like an option mistyped, also behind an app, and names the nearest", () => {
  const hintOf = (spec: ScriptSpec<string>, ...args: string[]): string => {
    const error = assertThrows(() => parseCommandLine(spec, args), UserError, "Unknown option");
    assertEquals(error.exitCode, 2);
    return error.hint;
  };
  assertEquals(hintOf(attach, "-dash.txt"), "A name that begins with - goes after --. See attach.ts --help");
  assertEquals(
    hintOf(attach, "box", "firefox", "--prest=isolated"),
    "The nearest one is --preset. Words for the app go after --. See attach.ts --help",
  );
  assertEquals(hintOf(attach, "--prest=isolated", "box"), "The nearest one is --preset. See attach.ts --help");
  assertEquals(hintOf(create, "--without-xpr", "box"), "The nearest one is --without-xpra. See create.ts --help");
  assertEquals(hintOf(map, "box", "file", "--readonly"), "The nearest one is --read-only. See map.ts --help");
  const { positionals, rest } = parseCommandLine(attach, ["box", "libreoffice", "--writer", "--", "--prest=x"]);
  assertEquals([positionals, rest], [["box", "libreoffice", "--writer"], ["--prest=x"]]);
  // It is for attach.ts, and judged with its apps.
  assertEquals(parseCommandLine(create, ["--export", "box", "--sync=no"]).positionals, ["box", "--sync=no"]);
});

Deno.test("parseCommandLine() refuses what has no effect, options and words, and drops nothing in silence", async () => {
  for (
    const [spec, line, names] of [
      [attach, "--join box xterm --preset=isolated", ["--preset", "--join"]],
      [attach, "box xterm --join --allow=tray", ["--allow", "--join"]],
      [attach, "--join --deny clipboard box xterm", ["--deny", "--join"]],
      [attach, "--join --ask=links box xterm", ["--ask", "--join"]],
      [attach, "--join --border=red box xterm", ["--border", "--join"]],
      [attach, "--join --detached box xterm", ["--detached", "--join"]],
      [attach, "--stop --save box", ["--save", "--stop"]],
      [attach, "--stop --all box --border=red --save", ["--save", "--stop"]],
      [attach, "--settings box --save --border=red", ["--save", "--settings"]],
      [attach, "--copy --paste box", ["--copy", "--paste"]],
      [attach, "--history box --session=x --allow=tray", ["--session", "--history"]],
      [attach, "--settings --history box", ["--settings", "--history"]],
      [attach, "--list --session=x", ["--session", "--list"]],
      [attach, "box xterm --all", ["--all", "--stop"]],
      [create, "--update --force", ["--force", "--delete"]],
      [create, "--delete --image=x box", ["--image", "--delete"]],
      [create, "--export --cache box", ["--cache", "--export"]],
      [create, "box --export firefox --image=x", ["--image", "--export"]],
      [create, "box key gui firefox --mime", ["--mime", "--export"]],
      [create, "box key gui firefox --default=https", ["--default", "--export"]],
      [map, "--list --for=3m", ["--for", "--list"]],
      [map, "--unmap --read-only box", ["--read-only", "--unmap"]],
      [map, "--force box", ["--force", "--unmap"]],
      [map, "--list box", '"box"'],
      [create, "--list far: box", '"box"'],
      [create, "--delete -- box other", '"other"'],
      [attach, "--stop box web other", '"other"'],
      [attach, "--copy box --unknown", '"--unknown"'],
    ] as const
  ) {
    await assertRefuses(() => parseCommandLine(spec, line.split(" ")), { code: 2, names });
  }
  for (
    const [spec, line] of [
      [attach, "--stop --all box --quiet --engine=lxc"],
      [attach, "--join --session=x box xterm --json"],
      [attach, "--settings box --preset=isolated --deny=sound"],
      [attach, "--deny=sound box xterm -e top"],
      [attach, "--deny box sound"],
      [attach, "--disposable box xterm --preset=isolated --border=red --save"],
      [create, "--delete --force box --yes"],
      [create, "box key gui firefox --export --mime --image=x"],
      [create, "--export --default https box firefox --disposable"],
      [create, "--export --mime box --preset=isolated --border=red --engine=lxc"],
      [map, "--unmap --force box --verbose"],
    ] as const
  ) parseCommandLine(spec, line.split(" "));
  for (const spec of [attach, create, map]) {
    const options = optionsOf(spec);
    const named = Object.entries(spec.leaves ?? {}).flatMap(([name, left = []]) => [name, ...left]);
    const needed = Object.values(options).flatMap(({ needs }) => needs ?? []);
    for (const name of [...named, ...needed]) assert(name in options || name === "at-most", name);
  }
});

Deno.test("parseCommandLine() refuses a value that is missing, and one that is too many", () => {
  for (
    const args of [["--image"], ["--image="], ["--image", ""], ["--image", "--json", "x"], ["--image", "--"], [
      "--image",
      "-",
    ]]
  ) {
    assertEquals(assertThrows(() => parsed(...args), UserError, "--image needs").exitCode, 2);
  }
  for (
    const args of [["--delete=no", "x"], ["--delete=true"], ["--delete="], ["--gui=1"], ["--no-wait=x"], ["-n=5"], [
      "-n5",
    ]]
  ) {
    assertEquals(assertThrows(() => parsed(...args), UserError).exitCode, 2);
  }
  assertThrows(() => parsed("--delete=no", "--delete", "x"), UserError, "--delete takes");
  assertThrows(() => parsed("x", "--delete=no"), UserError, "--delete takes");
});

Deno.test("parseDuration() reads seconds, minutes and hours", () => {
  assertEquals(["90s", "20m", "2h", "596h"].map(parseDuration), [90_000, 1_200_000, 7_200_000, 2_145_600_000]);
});

Deno.test("parseDuration() refuses everything else, and what no timer can wait for", () => {
  for (
    const text of ["", "5", "m", "1.5h", "-1s", "1 s", "1d", "1S", "1h30m", "597h", "999999h", "9999999999999s", "1s\n"]
  ) {
    assertEquals(assertThrows(() => parseDuration(text), UserError).exitCode, 2, text);
  }
  const longest = AbortSignal.timeout(parseDuration("596h"));
  assert(!longest.aborted);
});

Deno.test("helpText() shows usage, examples, and options by groups, at 80 columns", () => {
  const help = helpText({
    ...spec,
    notes: "word ".repeat(30),
    options: { ...spec.options, "gui": { group: "Windows", help: "Dialogs that ask for what is missing, ".repeat(3) } },
  });
  assertStringIncludes(help, "Usage: try.ts [options] NAME\n  or:  try.ts --list\n");
  assertStringIncludes(help, "Examples:\n  try.ts x\n      Tries x\n");
  assertMatch(help, /^Options:\n {6}--image IMAGE +An image$/m);
  assertMatch(help, /^Windows:\n {6}--gui +Dialogs/m);
  assertMatch(help, /^ {2}-n, --dry-run +Print/m);
  for (const line of help.split("\n")) assert(line.length <= 80 && line === line.trimEnd(), line);
});

for (const script of [create, attach, map]) {
  Deno.test(`${script.name} --help fits 80 columns, and its examples are command lines that it takes`, () => {
    for (const line of helpText(script).split("\n")) assert(line.length <= 80, line);
    for (const [words] of script.examples) {
      const args = words.split(" ").filter(Boolean);
      assert(parseCommandLine(script, args).positionals.length <= args.length);
    }
  });
}
