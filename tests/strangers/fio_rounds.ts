/** Usage: fio_rounds.ts ENGINE DIRECTORY MINUTES. The directory has fio and its libraries. Hands back a result a round. */

import { join } from "@std/path";
import { permissions, withDirectory } from "../e2e/lending.ts";
import { attempt, script, sh } from "../e2e/run.ts";
import type { EngineName } from "../lab/state.ts";
import { container, handBack } from "./in_lab.ts";

const [engine, directory, minutes] = Deno.args as [EngineName, string, string];

/** The size of the file. */
const bytes = 4 * 2 ** 20;

/** How a round writes: each has its own size of blocks, way of writing, and order. */
const ways = ["psync", "mmap", "psync --direct=1", "pvsync --fsync=8", "psync --readwrite=randrw"];
const blocks = ["512", "4k", "12k", "64k"];

await using box = await container(engine, "fio");
await sh([engine, "file", "push", "--recursive", directory, `${box.name}/opt/`]);
const program = `/opt/${directory.split("/").at(-1)}`;
await sh([engine, "exec", box.name, "--", "chmod", "-R", "a+rX,a+x", program]);
const inside = (argv: string[]): string[] => [
  ...[engine, "exec", box.name, "--mode=non-interactive", "--user=1000", "--group=1000", "--cwd=/tmp", "--"],
  ...[`${program}/ld-linux-x86-64.so.2`, "--library-path", program, `${program}/fio`, ...argv],
];

await withDirectory(async (home) => {
  const file = join(home, "lent file.bin");
  await sh(["truncate", `--size=${bytes}`, file]);
  const before = await permissions([file]);
  /** What fio is asked, for a round's pattern in the file; `only`: to read what is there. */
  const job = (round: number, path: string, { only = false } = {}): string[] => [
    ...["--name=round", `--filename=${path.replaceAll(/[:\\]/g, "\\$&")}`, `--size=${bytes}`, "--overwrite=1"],
    ...["--allow_file_create=0", "--readwrite=randwrite", `--bs=${blocks[round % blocks.length]}`],
    ...`--ioengine=${ways[round % ways.length]}`.split(" "),
    ...[`--randseed=${round + 1}`, "--verify=pattern", "--verify_fatal=1", "--verify_state_save=0"],
    // Each block has the number of its round and its own place: what is left of another round is noticed, too.
    `--verify_pattern=0x${round.toString(16).padStart(8, "0")}%o`,
    ...only ? ["--verify_only=1"] : ["--do_verify=1"],
  ];
  const end = Date.now() + Number(minutes) * 60_000;
  for (let round = 0; Date.now() < end; round++) {
    const wrong: string[] = [];
    const check = async (what: string, argv: string[]): Promise<void> => {
      const { code, stdout, stderr } = await attempt(argv, { cwd: "/tmp" });
      if (code !== 0) wrong.push(`${what}: ${`${stderr}${stdout}`.replaceAll(/\s+/g, " ").slice(0, 300)}`);
    };
    const lent = await script("map", engine, ["--no-wait", "--json", box.name, file]);
    if (lent.code !== 0) wrong.push(`it is not lent: ${lent.stderr}`);
    const path = JSON.parse(lent.stdout)[0].container;
    if (round > 0) {
      await check("the container reads what the host wrote", inside(job(2 * round - 1, path, { only: true })));
    }
    await check("the container writes", inside(job(2 * round, path)));
    await check("the host reads while it is lent", ["fio", ...job(2 * round, file, { only: true })]);
    const back = await script("map", engine, ["--unmap", box.name, file]);
    if (back.code !== 0) wrong.push(`it is not taken back: ${back.stderr}`);
    await check("the host reads once it is taken back", ["fio", ...job(2 * round, file, { only: true })]);
    if (await permissions([file]) !== before) wrong.push("its ACL is another one");
    await check("the host writes", ["fio", ...job(2 * round + 1, file)]);
    handBack(`round ${round}`, { isPassed: wrong.length === 0, said: wrong.join("; ") });
    if (wrong.length > 0) break;
  }
});
