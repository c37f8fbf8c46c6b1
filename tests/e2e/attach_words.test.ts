// attach.ts hands generated words to real apps, through the real ssh into real containers: new sessions and joined
// apps.

import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { quoteWord } from "../../lib/base/shell_words.ts";
import { randomNumbers } from "../unit/samples.ts";
import { eventually, mountsRoot, script } from "./run.ts";
import { needed, nothingLeft, testOnIncus } from "./sessions.ts";
import { desktop, waylandParts } from "./wayland_desktop.ts";
import { type EngineName, shareContainer } from "./world.ts";

/** A random whole number from 0 to below its argument. */
type Random = ReturnType<typeof randomNumbers>;

/** Cases: in a new session of their own, in turns on X and on Wayland, and joined to one. */
const newCases = 8;
const joinedCases = 32;

/** How many run side by side. */
const atOnce = 4;

/** Writes its words, each with a zero behind it, to the file that the first one names. */
const recorder = `#!/bin/sh
file=$1
shift
{ [ $# -eq 0 ] || printf '%s\\0' "$@"; } >"$file.part"
mv "$file.part" "$file"
`;

/** Its name needs quoting, too. */
const recorderName = `re'corder "$HOME" $(id) ünd so`;

const nameOn = shareContainer("words", {
  prepare: (engine) => Deno.writeTextFile(join(shareOf(engine), recorderName), recorder, { mode: 0o755 }),
});

testOnIncus(
  `attach.ts hands ${newCases + joinedCases} generated command lines to apps byte by byte`,
  [...needed, ...waylandParts],
  async (engine) => {
    const name = nameOn(engine);
    const seed = Number(Deno.env.get("GUI_CONTAINER_TEST_SEED")) || crypto.getRandomValues(new Uint32Array(1))[0]!;
    const random = randomNumbers(seed);
    const cases = Array.from({ length: newCases + joinedCases }, () => {
      const words = Array.from({ length: 1 + random(24) }, () => randomWord(random));
      return { words, quoted: words.map((word) => quoteAnyhow(word, random)) };
    });
    const keeper = await script("attach", engine, ["--detached", "--session=keeper", name, "sleep 600"]);
    assertEquals(keeper.code, 0, keeper.stderr);
    let next = 0;
    const worker = async (): Promise<void> => {
      for (let index; (index = next++) < cases.length;) {
        const { words, quoted } = cases[index]!;
        const app = quoteWord(`/home/ubuntu/share/${recorderName}`);
        const file = `words-${index}`;
        // The blank: Deno 2.9 takes a carriage return off the end of each argument of its own.
        const command = `${[app, `share/${file}`, ...quoted].join(index % 2 ? " " : "\t\n ")} `;
        const own = index % 4 < 2 ? ["--detached"] : ["--display=wayland", `--session=${file}`];
        const how = index < newCases ? own : ["--join", "--session=keeper"];
        const { code, stderr } = await script("attach", engine, [...how, name, command], { env: desktop() });
        const what = `seed ${seed}, case ${index}: ${JSON.stringify(command).slice(0, 1_000)}`;
        assertEquals(code, 0, `${what}: ${stderr}`);
        const path = join(shareOf(engine), file);
        const got = await eventually(
          `the words of ${what}`,
          () => Deno.readTextFile(path).catch(() => undefined),
          { timeoutMs: 60_000 },
        );
        assertEquals(got, words.map((word) => `${word}\0`).join(""), what);
        await Deno.remove(path);
      }
    };
    try {
      await Promise.all(Array.from({ length: atOnce }, worker));
    } finally {
      await script("attach", engine, ["--stop", name, "keeper"]);
    }
    await nothingLeft(engine, name);
  },
);

function shareOf(engine: EngineName): string {
  return join(mountsRoot, nameOn(engine), "share");
}

/** What words are made of: all that a shell, systemd, xpra or a terminal could take for something else. */
const pieces = [
  ...[
    "'",
    '"',
    "\\",
    "$",
    "`",
    "$(id)",
    "`id`",
    "${HOME}",
    "$$",
    "$1",
    "%",
    "%s",
    "%%",
    "%h",
    "!",
    "!!",
    "~",
    "*",
    "?",
  ],
  ...[
    "[a-z]",
    "{a,b}",
    ";",
    "&",
    "&&",
    "|",
    ">",
    "<",
    "<<E",
    "#",
    "=",
    ",",
    ":",
    "(",
    ")",
    " ",
    "  ",
    "\t",
    "\n",
    "\n\n",
  ],
  ...[
    "\r",
    "\x01",
    "\x07",
    "\x1b[31m",
    "\x7f",
    "ü",
    "€",
    "😀",
    "e\u0301",
    "\u00a0",
    "\u2028",
    "\ufeff",
    "日本",
    "-",
    "--",
  ],
  ...["\\n", "\\\\", "\\'", "@title@", "a", "Z", "0", "word", "/", ".", ".."],
];

function randomWord(random: Random): string {
  const length = random(20) === 0 ? 2_000 : random(8);
  const word = Array.from({ length }, () => pieces[random(pieces.length)]).join("");
  return random(5) === 0 ? `-${word}` : word;
}

/** One of the many ways to quote a word for a POSIX shell: parts of it, each in another manner. */
function quoteAnyhow(word: string, random: Random): string {
  if (word === "") return random(2) ? "''" : '""';
  const characters = [...word];
  let quoted = "";
  while (characters.length > 0) {
    const part = characters.splice(0, 1 + random(6)).join("");
    const manner = random(4);
    if (manner === 0) quoted += `"${part.replace(/[$\`"\\]/g, "\\$&")}"`;
    // A newline cannot be quoted by a backslash: together they are nothing.
    else if (manner === 1 && !part.includes("\n")) quoted += [...part].map((character) => `\\${character}`).join("");
    else if (manner === 2 && /^[A-Za-z0-9\u00a1-\u1fff]+$/.test(part)) quoted += part;
    else quoted += `'${part.replaceAll("'", "'\\''")}'`;
  }
  return quoted;
}
