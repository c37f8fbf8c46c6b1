/** Files that are lent as copies to a container that is a directory, for tests. */

import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { ProcessError, type ProcessResult } from "../../lib/base/errors.ts";
import { type Host, realHost, type RunOptions } from "../../lib/base/host.ts";
import type { History } from "../../lib/container/history.ts";
import { holdFile } from "../../lib/container/lend/held_file.ts";
import { copyFiles, findOrphans, readLoans, withJournalLock } from "../../lib/container/lend/journal.ts";
import { lendFiles } from "../../lib/container/lend/lend.ts";
import { takeBackCopies } from "../../lib/container/lend/lent_copies.ts";
import { isCopy, type LentCopy } from "../../lib/container/lend/loan.ts";
import { type Engine, engineCalled } from "../../lib/engine/engine.ts";
import { recordingUi } from "./recording_host.ts";

export const readCopies = async (host: Host): Promise<LentCopy[]> => (await readLoans(host)).filter(isCopy);

/** What a program is answered with in place of being run. */
export type Answer = (argv: readonly string[], options: RunOptions) => Promise<ProcessResult> | undefined;

interface World {
  host: Host;
  engine: Engine;
  /** The lent file. */
  file: string;
  said: string[];
  /** What answers in place of a program; set by a test. */
  answer: { now: Answer };
  /** Programs that ran in the container or wrote on the host. */
  calls: string[];
  lend(options?: { readOnly?: boolean; handed?: boolean; history?: History }): Promise<LentCopy>;
  takeBack(): Promise<string[]>;
  /** Names in the file's directory. */
  names(): string[];
}

export const result = (argv: readonly string[], code = 0, stdout = ""): ProcessResult => ({
  argv,
  code,
  signal: null,
  stdout,
  stderr: "",
});

export async function withWorld(test: (world: World) => Promise<void>): Promise<void> {
  const root = await Deno.realPath(await Deno.makeTempDir());
  const { ui, said } = recordingUi();
  const real = realHost({ ui, signal: new AbortController().signal, verbose: false });
  const answer: { now: Answer } = { now: () => undefined };
  const calls: string[] = [];
  const env: Record<string, string> = { XDG_STATE_HOME: join(root, "state"), HOME: root };
  const host: Host = {
    ...real,
    env: (name) => env[name],
    forCleanup: () => host,
    async run(argv, options = {}) {
      calls.push(argv.join(" "));
      const answered = answer.now(argv, options);
      if (answered) {
        const { code } = await answered;
        const { okCodes = [0] } = options;
        if (okCodes === "any" || okCodes.includes(code)) return await answered;
        throw new ProcessError(await answered);
      }
      if (argv[1] === "query") {
        return result(
          argv,
          0,
          JSON.stringify({ name: "box", status: "Running", config: {}, devices: {}, expanded_devices: {} }),
        );
      }
      if (argv[1] !== "exec") return await real.run(argv, options);
      // What looks for open files would look at this machine's.
      if (!argv.includes("setpriv")) return result(argv, 0, "\u0004");
      const inside = argv.slice(argv.indexOf("--") + 1);
      return await real.run(inside.filter((word) => !/^(setpriv|--re[ug]id=.*|--clear-groups)$/.test(word)), options);
    },
  };
  const engine = { ...engineCalled("incus"), server: { remote: "far", project: undefined, isLocal: false } };
  const user = { name: "me", uid: "1000", gid: "1000", home: join(root, "home") };
  // A home in a temporary directory is longer than that of a container may be: the record's user is the one of Ubuntu
  // then.
  const directory = join(root, "files");
  const file = join(directory, "letter.odt");
  try {
    await Deno.mkdir(directory);
    await Deno.writeTextFile(file, "lent", { mode: 0o640 });
    await withJournalLock(host, () => Promise.resolve());
    await test({
      host,
      engine,
      file,
      said,
      answer,
      calls,
      async lend({ handed = false, readOnly = handed, history } = {}) {
        const held = (await holdFile(file))!;
        const mappable = { path: file, file: held, state: held.stat(), directories: [] };
        const options = { instance: { engine, name: "box" }, user, readOnly, owner: "run-1", uid: undefined };
        const recorded = { ...history ? { history } : {}, ...handed ? { handed } : {} };
        const [copy] = await lendFiles(host, [mappable], { ...options, ...recorded });
        held.close();
        return copy as LentCopy;
      },
      async takeBack() {
        const found: string[] = [];
        const tell = (finding: string): void => void found.push(finding);
        await takeBackCopies(host, { engine, name: "box" }, await readCopies(host), { tell });
        return found;
      },
      names: () => [...Deno.readDirSync(directory)].map(({ name }) => name).sort(),
    });
    // Removes the locks of runs that came too late.
    assertEquals(await findOrphans(host), []);
    assertEquals([...Deno.readDirSync(join(root, "state/gui-container/mappings"))].map(({ name }) => name), ["lock"]);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

export const text = (path: string): string => Deno.readTextFileSync(path);

/** Leaves the state of a run that was killed while it wrote to the file. */
export async function killedWhileWriting({ host, file }: World, copy: LentCopy, torn: string): Promise<void> {
  const { back, old } = copyFiles(host, copy);
  await Deno.writeTextFile(back, "there", { mode: 0o600 });
  await Deno.writeTextFile(old, "lent", { mode: 0o600 });
  await Deno.writeTextFile(`${old}.part`, "le", { mode: 0o600 });
  await Deno.writeTextFile(file, torn);
}
