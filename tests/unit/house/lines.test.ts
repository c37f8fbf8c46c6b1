// How much code there is in lib/: all of it, and the core, which a reader needs to know whatever they look for.

import { assert, assertEquals } from "@std/assert";
import { fromFileUrl, join } from "@std/path";

const root = fromFileUrl(new URL("../../..", import.meta.url));

/** How many lines there may be that are neither blank nor comment. These figures can only be lowered. */
const maxLines = { lib: 25_060, core: 8_705 };

/** The parts of lib/ that are not the core: each can be left unread, and most could be taken out. */
const parts: Readonly<Record<string, readonly string[]>> = {
  "displays": ["guard", "attach/x11", "attach/wayland", "attach/box"],
  "channels": ["channels"],
  "menu entries": ["create/export"],
  "the Internet only": ["create/internet"],
  "updates and cached images": ["create/update.ts", "create/cache.ts"],
  "completions": ["cli/completions.ts", "cli/shells.ts"],
  "doctor": ["cli/doctor.ts", "cli/doctor_checks.ts", "cli/finding.ts", "attach/doctor.ts"],
  "disposable copies": [
    "attach/disposable",
    "container/disposables.ts",
    "container/origin.ts",
    "container/boot_copy.sh",
  ],
  "remotes": ["container/remote.ts", "container/link.ts", "container/read_fifo.sh", "container/read_log.sh"],
  "history": ["container/history.ts", "attach/history.ts"],
  "settings": ["settings"],
  "lent files": ["map", "container/lend", "container/handed.ts", "container/downloads.ts"],
  "--copy and --paste": ["attach/clipboard.ts"],
  "--deny while a session runs": ["attach/deny.ts"],
};

/** Blank lines, and lines of comment. In TypeScript, # begins the name of a private field. */
const noCode = { script: /^\s*(?:$|#)/, typed: /^\s*(?:$|\/\/|\*|\/\*)/ } as const;

/** The lines of code in a file or a folder. Tables of data, which are JSON or text, do not count. */
function linesIn(path: string): number {
  if (Deno.statSync(path).isDirectory) {
    return [...Deno.readDirSync(path)].reduce((sum, { name }) => sum + linesIn(join(path, name)), 0);
  }
  if (!/\.(?:ts|js|sh|py)$/.test(path)) return 0;
  const pattern = /s$/.test(path) ? noCode.typed : noCode.script;
  return Deno.readTextFileSync(path).split("\n").filter((line) => !pattern.test(line)).length;
}

Deno.test("lib and its core have no more lines of code than they may", () => {
  const sizes = Object.values(parts).flat().map((path) => linesIn(join(root, "lib", path)));
  assertEquals(sizes.filter((size) => size === 0), [], "a part is empty");
  const lib = linesIn(join(root, "lib"));
  const core = lib - sizes.reduce((sum, size) => sum + size, 0);
  assert(lib <= maxLines.lib && core <= maxLines.core, `lib has ${lib} lines, its core ${core}`);
});
