/** What several unit tests try: words that are hard to quote, random ones, and whether a program is there. */

import { runProcess } from "../../lib/base/process.ts";

/** Words that a careless quoting breaks. None holds a NUL, which no argument can. */
export const awkwardWords: readonly string[] = [
  "",
  " ",
  "'",
  '"',
  "''",
  "it's",
  `"it's"`,
  "\\",
  "\\'",
  "ends in \\",
  "$HOME",
  "${HOME}",
  "$(touch /tmp/x)",
  "`id`",
  "a;b",
  "a&b|c<d>e",
  "*",
  "?[a-z]",
  "~",
  "~root/x",
  "#no comment",
  "!history!",
  "{a,b}",
  "A=b",
  "-n",
  "--",
  "if",
  "line\nbreak",
  "\n",
  "\n\n",
  "\t",
  "\r\n",
  "\x01\x1b[31m\x7f",
  "%s %d\\n",
  "naïve – ünïcödé ❤ 𝄞 \u{1F600}",
  "\u00a0\u2028\ufeff",
  "é", // Two code points.
];

/** Random numbers that are the same each time, so that a failure can be repeated (mulberry32). */
export function randomNumbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor(((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296 * below);
  };
}

const alphabet = [...`ab Z09'"\\$\`;&|<>()*?[]{}#!~=%@:,./-+^_\n\t\r`, "é", "–", "𝄞", "\u{1F600}"];

/** Random words of characters that matter to a shell. */
export function randomWords(count: number, seed: number): string[] {
  const random = randomNumbers(seed);
  return Array.from(
    { length: count },
    () => Array.from({ length: random(12) }, () => alphabet[random(alphabet.length)]!).join(""),
  );
}

/**
 * Registers a test that needs programs of the system. Without one, or where the system does not let one do its work, it is
 * ignored, with the reason in its name.
 */
export function testWith(programs: readonly string[], name: string, test: () => void | Promise<void>): void {
  const reason = whyWithout(programs);
  Deno.test({ name: `${name}${reason && ` (skipped: ${reason})`}`, ignore: reason !== "", fn: test });
}

/** Why tests that need such programs cannot run here; empty if they can. */
export function whyWithout(programs: readonly string[]): string {
  const missing = programs.filter((program) => !isThere(program));
  if (missing.length > 0) return `no ${missing.join(", ")}`;
  const powerless = programs.filter((program) => !isOfUse(program));
  return powerless.map((program) => `${program} may not ${trials[program]!.purpose} here`).join(", ");
}

/** What programs need more than their user's rights for: a container has other ids, mounts and system calls. */
const trials: Readonly<Record<string, { purpose: string; script: string }>> = {
  bwrap: { purpose: "make a box", script: "bwrap --unshare-all --ro-bind / / --dev /dev --proc /proc true" },
  unshare: { purpose: "mount", script: "unshare --user --map-root-user --mount mount -t ramfs none /tmp" },
  setfacl: {
    purpose: "set ACLs",
    script: 'file=$(mktemp) && trap "rm $file" EXIT && setfacl -m u:65533:r "$file"',
  },
};

const tried = new Map<string, boolean>();

function isOfUse(program: string): boolean {
  const script = trials[program]?.script;
  if (script === undefined) return true;
  if (!tried.has(program)) {
    const { success } = new Deno.Command("/bin/sh", { args: ["-c", script], stderr: "null" }).outputSync();
    tried.set(program, success);
  }
  return tried.get(program)!;
}

function isThere(program: string): boolean {
  const directories = program.includes("/") ? [""] : (Deno.env.get("PATH") ?? "").split(":").map((path) => `${path}/`);
  return directories.some((directory) => {
    try {
      return Deno.statSync(directory + program).isFile;
    } catch {
      return false;
    }
  });
}

/** The arguments that a line for `/bin/sh` gives to each `show`, a function that prints them with their number. */
export async function argumentsSeenByShell(script: string): Promise<string[][]> {
  const { stdout } = await runProcess(["/bin/sh", "-c", `show() { printf '%s\\0' "$#" "$@"; }\n${script}`]);
  const fields = stdout.split("\0").slice(0, -1);
  const calls: string[][] = [];
  while (fields.length > 0) calls.push(fields.splice(0, Number(fields.shift())));
  return calls;
}
