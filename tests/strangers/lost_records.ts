/**
 * Usage: lost_records.ts ENGINE DIRECTORY. LazyFS is mounted at `mnt` in the directory. map.ts is killed at each call by
 * which it writes the history of a container, or its last line comes to the disk by half; a run that records a container
 * is killed at each call by which it writes `container.json`. Then power is lost. Hands back a result for each call.
 *
 * Usage: lost_records.ts write DIRECTORY [ADDRESS]. Records the container "box", whose directory this is, or its address.
 */

import { dirname, fromFileUrl, join } from "@std/path";
import { readContainerRecord, recordAddress, writeContainerRecord } from "../../lib/container/record.ts";
import { addressOf } from "../../lib/container/address.ts";
import { parseTable } from "../../lib/base/json_file.ts";
import { runProcess } from "../../lib/base/process.ts";
import { engineCalled } from "../../lib/engine/engine.ts";
import { withDirectory } from "../e2e/lending.ts";
import { root, sh } from "../e2e/run.ts";
import type { EngineName } from "../lab/state.ts";
import { recordingHost } from "../unit/recording_host.ts";
import { alice } from "../unit/resolved.ts";
import { container, handBack, losePower } from "./in_lab.ts";

/** More calls than a run makes. */
const maxCalls = 20;

async function write(directory: string, address?: string): Promise<void> {
  const { host } = recordingHost({ env: { GUI_CONTAINER_MOUNTS: dirname(directory) } });
  const instance = addressOf(host, { engine: engineCalled("incus"), name: "box" });
  if (address) await recordAddress({ host, mounts: instance.mounts }, address);
  else await writeContainerRecord(host, instance, { user: alice, location: "none" });
}

/** Kills a program at the call of this number, and returns its exit status, and whether there is such a call. */
async function killAt(
  argv: string[],
  { calls, number, paths = [], env = {} }: {
    calls: string;
    number: number;
    paths?: string[];
    env?: Record<string, string>;
  },
): Promise<{ code: number; isHit: boolean }> {
  await using log = await temporaryFile();
  const where = paths.flatMap((path) => ["-P", path]);
  const inject = [`-etrace=${calls}`, `-einject=${calls}:signal=KILL:when=${number}`];
  const strace = ["strace", "-f", "-qq", "-o", log.path, ...where, ...inject];
  const { code } = await runProcess([...strace, ...argv], { env, okCodes: "any", timeoutMs: 120_000 });
  return { code, isHit: (await Deno.readTextFile(log.path)).includes("killed by SIGKILL") };
}

async function temporaryFile(): Promise<AsyncDisposable & { path: string }> {
  const path = await Deno.makeTempFile();
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path) };
}

/** A record is what it was, or is to be, whole; and that, once the run has ended well. */
async function judgeRecord(lazyfs: string): Promise<void> {
  const directory = join(lazyfs, "mnt/mounts/box");
  const recorded = async (): Promise<string | undefined> => {
    const record = await readContainerRecord({ directory });
    return record && (record.address ?? "none");
  };
  const script = fromFileUrl(import.meta.url);
  const argv = (...address: string[]): string[] => ["deno", "run", "-A", script, "write", directory, ...address];
  const [fresh, where] = [join(directory, "container.json.new"), directory];
  const calls = [["openat", fresh], ["write", fresh], ["fsync", fresh], ["rename", fresh], ["fsync", where]] as const;
  for (const [call, path] of calls) {
    for (const address of [undefined, "fd00::2"]) {
      await Deno.remove(directory, { recursive: true }).catch(() => {});
      await Deno.mkdir(directory, { recursive: true });
      if (address) await sh(argv());
      await losePower(lazyfs);
      const before = await recorded();
      const { code, isHit } = await killAt(argv(...address ? [address] : []), {
        calls: call,
        number: 1,
        paths: [path],
      });
      await losePower(lazyfs);
      const found = await recorded();
      const nexts = [];
      for (const last of [argv(), argv("fd00::3")]) nexts.push((await runProcess(last, { okCodes: "any" })).code);
      const names = [...Deno.readDirSync(directory)].map(({ name }) => name);
      handBack(`${address ? "address" : "record"}: ${call} ${path === where ? "of its directory" : "of the file"}`, {
        isPassed: isHit && code !== 0 && before === (address && "none") &&
          [before, address ?? "none"].includes(found) &&
          nexts.join() === "0,0" && await recorded() === "fd00::3" && names.join() === "container.json",
        said: JSON.stringify({ isHit, code, before, found, nexts, names }),
      });
    }
  }
}

/** What is on the disk stays, and so does all that the next run adds; no line is half of one. */
async function judgeHistory(engine: EngineName, lazyfs: string): Promise<void> {
  await using box = await container(engine, "records");
  await withDirectory(async (home) => {
    const state = join(lazyfs, "mnt/state");
    const lines = join(state, "gui-container/history", box.name, "file.jsonl");
    const env = { XDG_STATE_HOME: state };
    const file = join(home, "file");
    await Deno.writeTextFile(file, "lent");
    const map = (...words: string[]): string[] => [join(root, "map.ts"), `--engine=${engine}`, "--yes", ...words];
    const lend = map("--no-wait", box.name, file);
    const takeBack = map("--unmap");
    const shown = async (): Promise<string[]> => {
      const argv = [join(root, "attach.ts"), "--history", "--json", `--engine=${engine}`, box.name];
      const { stdout } = await runProcess(argv, { env, okCodes: "any" });
      return Object.values(parseTable(stdout) ?? {}).map((line) => JSON.stringify(line));
    };
    /** Has the history of a file that was lent and is back, on the disk. */
    const begin = async (): Promise<string[]> => {
      await runProcess(takeBack, { env, okCodes: "any" });
      await Deno.remove(state, { recursive: true }).catch(() => {});
      for (const argv of [lend, takeBack]) await sh(argv, { env });
      await sh(["sync", lines]);
      await losePower(lazyfs);
      return await shown();
    };
    /** What is wrong once power is lost: the next two runs put all right, and lend and take back once more. */
    const wrongAfter = async (before: string[]): Promise<string[]> => {
      const found = await shown();
      const runs = [takeBack, lend, takeBack];
      const ends = [];
      for (const argv of runs) ends.push(await runProcess(argv, { env, okCodes: "any" }));
      const next = (await shown()).slice(found.length);
      const added = next.slice(-2).map((line) => JSON.parse(line).what).join();
      return [
        ...before.length === 2 ? [] : [`the disk had ${before.length} lines`],
        ...before.every((line) => found.includes(line)) ? [] : ["a line of the disk is lost"],
        ...ends.flatMap(({ code, stderr }) => code === 0 ? [] : [`a next run ends with ${code}: ${stderr}`]),
        ...added === "lent,back" ? [] : [`the next run's lines are ${added}`],
      ];
    };

    for (const [step, argv] of [["lend", lend], ["take back", takeBack]] as const) {
      for (const calls of ["openat", "write"]) {
        for (let number = 1; number <= maxCalls; number++) {
          const before = await begin();
          if (step === "take back") await sh(lend, { env });
          const { code, isHit } = await killAt([...argv], { calls, number, paths: [lines], env });
          await losePower(lazyfs);
          const wrong = await wrongAfter(before);
          handBack(`history, ${step}: ${calls} ${number}`, {
            isPassed: wrong.length === 0,
            said: `${wrong.join("; ")}; exit status ${code}`,
          });
          if (!isHit) break;
        }
      }
      const before = await begin();
      if (step === "take back") await sh(lend, { env });
      await sh(["sync", lines]);
      await sh([...argv], { env });
      const text = await Deno.readTextFile(lines);
      await losePower(lazyfs);
      const onDisk = join(lazyfs, "root", lines.slice(join(lazyfs, "mnt/").length));
      await Deno.writeTextFile(onDisk, text.slice(0, -20));
      const wrong = await wrongAfter(before);
      handBack(`history, ${step}: half a line`, { isPassed: wrong.length === 0, said: wrong.join("; ") });
    }
  });
}

const [first, ...rest] = Deno.args as [string, ...string[]];
if (first === "write") await write(...rest as [string, string]);
else {
  await judgeRecord(rest[0]!);
  await judgeHistory(first as EngineName, rest[0]!);
}
