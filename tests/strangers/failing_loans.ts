/**
 * Usage: failing_loans.ts ENGINE [DIRECTORY]. Lends a file, and takes it back, with map.ts: each call that writes to disk
 * fails, by strace, one in each run. With the directory, where LazyFS is mounted at `mnt`, each ends map.ts, and power is
 * lost. The file is lent itself, or, to a container of another machine, as a copy. Hands back a result for each call.
 *
 * strace counts the calls of each thread, and of each program that map.ts runs, by themselves.
 */

import { join } from "@std/path";
import type { ProcessResult } from "../../lib/base/errors.ts";
import { runProcess } from "../../lib/base/process.ts";
import { mapDevices, permissions, withDirectory } from "../e2e/lending.ts";
import { root, sh } from "../e2e/run.ts";
import { clusterEnvironment, type EngineName } from "../lab/state.ts";
import { container, handBack, losePower } from "./in_lab.ts";

const [engine, lazyfs] = Deno.args as [EngineName, string?];

/** Calls, and the errors of each; `isOwn`: only those on the lent file. */
const faults: readonly [calls: string, errors: string[], isOwn?: true][] = [
  ["fsync,fdatasync", ["EIO", "ENOSPC"]],
  ["rename,renameat,renameat2", ["EIO", "ENOSPC"]],
  ["setxattr,lsetxattr,fsetxattr", ["EIO", "ENOSPC"]],
  ["unlink,unlinkat", ["EIO"]],
  ["mkdir,mkdirat", ["ENOSPC"]],
  ["write,copy_file_range", ["EIO", "ENOSPC"], true],
  ["openat", ["EIO"], true],
];

/** What becomes of a call: an error, or map.ts ends. */
const fates = (errors: string[]): string[] => lazyfs ? ["signal=KILL"] : errors.map((error) => `error=${error}`);

/** More calls than a run makes. */
const maxCalls = 20;

await using box = await container(engine, "disk");
const far = `far:${box.name}`;
await using _far = { [Symbol.asyncDispose]: () => removeFar() };
const env = clusterEnvironment();
const removeFar = async (): Promise<void> => {
  await runProcess([engine, "delete", "--force", far], { env, okCodes: "any" });
};
await removeFar();
await sh([engine, "launch", "far:gui-lab", far, "--config", "user.gui-container=true"], { env });

await withDirectory(async (home) => {
  const log = join(home, "log");
  const disk = lazyfs ? join(lazyfs, "mnt") : home;
  const state = join(disk, "state");
  const journal = join(state, "gui-container", "mappings");
  const map = (words: string[], strace: string[] = []): Promise<ProcessResult> =>
    runProcess([...strace, join(root, "map.ts"), `--engine=${engine}`, "--yes", ...words], {
      env: { ...env, XDG_STATE_HOME: state },
      okCodes: "any",
      timeoutMs: 120_000,
    });
  for (const label of [box.name, far]) {
    const isCopied = label === far;
    const place = isCopied ? disk : home;
    const file = join(place, "file");
    const filesHere = (): string[] =>
      [...Deno.readDirSync(place)].map(({ name }) => join(place, name)).filter((path) => path.includes("/file"));
    const acl = lazyfs && isCopied ? "" : "setfacl -m u:7:rwx,g:8:r,m:r";

    /** What is not as it was, or as it was to become. */
    const wrongNow = async (before: string, content: string): Promise<string[]> => [
      ...await permissions([file]) === before ? [] : ["its permissions are others"],
      ...filesHere().some((name) => Deno.readTextFileSync(name) === content) ? [] : ["the content is lost"],
      ...filesHere().every((name) => ["lent", "changed inside"].includes(Deno.readTextFileSync(name)))
        ? []
        : ["a file has half a content"],
      ...[...Deno.readDirSync(journal)].map(({ name }) => name).filter((name) => name !== "lock").map((name) =>
        `the journal has ${name}`
      ),
      ...await mapDevices(engine, box.name),
    ];

    for (const step of ["lend", "take back"]) {
      for (const [calls, errors, isOwn] of faults) {
        for (const fate of fates(errors)) {
          for (let number = 1; number <= maxCalls; number++) {
            for (const name of filesHere()) await Deno.remove(name);
            await Deno.remove(state, { recursive: true }).catch(() => {});
            await Deno.writeTextFile(file, "lent");
            if (acl) await sh([...acl.split(" "), file]);
            await sh(["sync", file]);
            const before = await permissions([file]);
            let content = "lent";
            if (step === "take back") {
              const { code, stdout, stderr } = await map(["--no-wait", "--json", label, file]);
              if (code !== 0) throw new Error(stderr);
              const path = JSON.parse(stdout)[0].container;
              content = "changed inside";
              const shell = `printf '${content}' >"$0"`;
              const user = ["--user=1000", "--group=1000", "--mode=non-interactive", "--"];
              await sh([engine, "exec", label, ...user, "sh", "-c", shell, path], { env });
            }
            const paths = isOwn ? ["-P", file] : [];
            const inject = [`-etrace=${calls}`, `-einject=${calls}:${fate}:when=${number}`];
            const strace = ["strace", "-f", "-qq", "-o", log, ...paths, ...inject];
            const words = step === "lend" ? ["--no-wait", label, file] : ["--unmap", label, file];
            const { code, stderr } = await map(words, strace);
            if (lazyfs) await losePower(lazyfs);
            const isHit = /\(INJECTED\)|killed by SIGKILL/.test(await Deno.readTextFile(log));
            const wrong: string[] = [];
            if (code !== 0 && code !== 137 && !/^error: /m.test(stderr) && !/^warning: /m.test(stderr)) {
              wrong.push("it says nothing");
            }
            if (code === 0 && step === "take back") wrong.push(...await wrongNow(before, content));
            if (code === 0 && step === "lend" && !(await map(["--list"])).stdout.startsWith(`${file}\t`)) {
              wrong.push("it is not lent");
            }
            const next = await map(["--unmap"]);
            const [, why = next.stderr] = /^error: (.*)$/m.exec(next.stderr) ?? [];
            if (next.code !== 0) wrong.push(`the next run ends with ${next.code}, ${why}`);
            wrong.push(...(await wrongNow(before, content)).map((what) => `after the next run, ${what}`));
            handBack(`${step} ${isCopied ? "a copy" : "itself"}: ${calls.split(",")[0]} ${number} ${fate}`, {
              isPassed: wrong.length === 0,
              said: `${[...new Set(wrong)].join("; ")}; exit status ${code}: ${stderr}`,
            });
            if (!isHit) break;
          }
        }
      }
    }
  }
});

/** Saves settings, kills attach.ts at each call, and loses power: what is there then is what was, or what was to be, whole. */
async function losePowerWhileSaving(lazyfs: string): Promise<void> {
  const home = join(lazyfs, "mnt");
  const path = join(home, "gui-container", "saved.yaml");
  const save = async (colour: string, strace: string[] = []): Promise<number> => {
    const argv = [...strace, join(root, "attach.ts"), "--save", box.name, `--border=${colour}`, `--engine=${engine}`];
    return (await runProcess(argv, { env: { XDG_CONFIG_HOME: home }, okCodes: "any" })).code;
  };
  for (const call of ["fsync", "rename"]) {
    for (const number of [1, 2]) {
      if (await save("#000001") !== 0) throw new Error("The settings are not saved");
      await losePower(lazyfs);
      const before = await Deno.readTextFile(path);
      const code = await save("#000002", ["strace", "-f", "-qq", `-einject=${call}:signal=KILL:when=${number}`]);
      await losePower(lazyfs);
      const found = await Deno.readTextFile(path);
      const after = before.replace("#000001", "#000002");
      const isPassed = before.includes("#000001") && (found === after || code !== 0 && found === before);
      handBack(`save: ${call} ${number} signal=KILL`, { isPassed, said: JSON.stringify({ code, before, found }) });
    }
  }
}

if (lazyfs) await losePowerWhileSaving(lazyfs);
