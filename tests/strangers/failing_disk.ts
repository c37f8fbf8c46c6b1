/**
 * A disk that fails: strace has each system call with which `attach.ts --save` writes its settings fail, or `map.ts` lends
 * and takes back (`failing_loans.ts`), one in each run.
 * A run that ends well has kept what it was to keep; one that does not, that or what was there, whole; and the next run
 * goes as if nothing had been.
 */

import { fromFileUrl, join } from "@std/path";
import { runProcess } from "../../lib/base/process.ts";
import { onEngines } from "./in_lab.ts";
import { installed } from "./sources.ts";
import type { Results, Suite } from "./suite.ts";

const attach = fromFileUrl(new URL("../../attach.ts", import.meta.url));

/** Calls, as strace groups them, and the errors of each. */
const faults = {
  "openat": ["ENOSPC", "EIO"],
  "write,pwrite64": ["ENOSPC", "EIO"],
  "ftruncate": ["EIO"],
  "fsync,fdatasync": ["EIO", "ENOSPC"],
  "rename,renameat,renameat2": ["EIO", "ENOSPC"],
} as const;

/** More calls than a run makes. */
const maxCalls = 20;

export const failingDisk: Suite = {
  about: "each call that writes settings, or lends a file and takes it back, fails, by strace",
  async run() {
    await installed("strace");
    return new Map([...await failingSettings(), ...await onEngines("failing_loans.ts", [], { engines: ["incus"] })]);
  },
};

async function failingSettings(): Promise<Results> {
  const home = await Deno.makeTempDir();
  const directory = join(home, "gui-container");
  const path = join(directory, "saved.yaml");
  const log = join(home, "log");
  const results: Results = new Map();
  /** Keeps a border's colour, under strace with these options, and returns the exit code. */
  const save = async (colour: string, strace: string[] = []): Promise<number> => {
    const script = [Deno.execPath(), "run", "-A", attach, "--save", "box", `--border=${colour}`, "--engine=incus"];
    const env = { XDG_CONFIG_HOME: home };
    return (await runProcess([...strace, ...script], { env, okCodes: "any", timeoutMs: 60_000 })).code;
  };
  try {
    for (const [calls, errors] of Object.entries(faults)) {
      for (const error of errors) {
        for (let number = 1; number < maxCalls; number++) {
          await save("#000001");
          const before = await Deno.readTextFile(path);
          const where = [directory, path, `${path}.new`].flatMap((path) => ["-P", path]);
          const inject = [`-etrace=${calls}`, `-einject=${calls}:error=${error}:when=${number}`];
          const code = await save("#000002", ["strace", "-f", "-qq", "-o", log, ...where, ...inject]);
          if (!(await Deno.readTextFile(log)).includes("(INJECTED)")) break;
          const after = before.replace("#000001", "#000002");
          const found = await Deno.readTextFile(path);
          const isKept = found === after || code !== 0 && found === before;
          const next = await save("#000003");
          const isWhole = next === 0 && await Deno.readTextFile(path) === before.replace("#000001", "#000003");
          results.set(`${calls} ${number} ${error}`, {
            isPassed: isKept && isWhole,
            said: JSON.stringify({ code, found, next }),
          });
        }
      }
    }
    return results;
  } finally {
    await Deno.remove(home, { recursive: true });
  }
}
