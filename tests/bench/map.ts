/** Rows: how long until files that are lent can be read in the container, and until they are taken back. */

import { basename, join } from "@std/path";
import { startProcess } from "../../lib/base/process.ts";
import type { Row, Way } from "./row.ts";
import { cloudConfig, engine, home, image, publicKey, root, run, seconds } from "./world.ts";

const container = "bench-map";
const directory = join(home, "bench-map");

/** Says when so many files can be read in the container, then ends. */
const readable = `
echo ready
until [ $(for file in maps/*/*; do [ -r "$file" ] && echo; done | wc -l) -ge "$1" ]; do sleep 0.005; done
`;

/** Waits in the container, so that its own start is not measured. */
async function probe(count: number): Promise<{ seen: Promise<unknown> }> {
  const ready = Promise.withResolvers<void>();
  const argv = [engine, "exec", container, "--mode=non-interactive", "--user=1000", "--group=1000"];
  const { ended } = startProcess(
    [...argv, "--cwd=/home/ubuntu", "--", "/bin/sh", "-c", readable, "sh", String(count)],
    { output: { line: () => ready.resolve() } },
  );
  await Promise.race([ready.promise, ended]);
  return { seen: ended };
}

/** A way to lend files, and to take them back. */
interface Lending {
  lend(): Promise<unknown>;
  takeBack(): Promise<unknown>;
}

async function measure(files: readonly string[], lending: Lending): Promise<[number, number]> {
  const { seen } = await probe(files.length);
  const lent = await seconds(() => Promise.all([lending.lend(), seen]));
  return [lent, await seconds(() => lending.takeBack())];
}

async function hostUid(): Promise<number> {
  return JSON.parse(await run([engine, "config", "get", container, "volatile.idmap.current"]))[0].Hostid + 1000;
}

const place = (file: string): string => `/home/ubuntu/maps/${basename(file)}`;

/** A call for each file and step. */
function original(files: readonly string[]): Lending {
  const device = ["config", "device"];
  return {
    async lend() {
      const uid = await hostUid();
      for (const file of files) {
        await run(["setfacl", "-m", `u:${uid}:rw`, file]);
        const disk = ["disk", `source=${file}`, `path=${place(file)}`];
        await run([engine, ...device, "add", container, `mapped-${basename(file)}`, ...disk]);
      }
    },
    async takeBack() {
      const uid = await hostUid();
      for (const file of files) {
        await run([engine, ...device, "remove", container, `mapped-${basename(file)}`]);
        await run(["setfacl", "-x", `u:${uid}`, file]);
      }
    },
  };
}

/** One call for each step. */
function byHand(files: readonly string[]): Lending {
  const name = (file: string): string => `mapped-${basename(file)}`;
  return {
    async lend() {
      await run(["setfacl", "-m", `u:${await hostUid()}:rw`, ...files]);
      const devices = Object.fromEntries(
        files.map((file) => [name(file), { type: "disk", source: file, path: place(file) }]),
      );
      const data = JSON.stringify({ devices });
      await run([engine, "query", "--request", "PATCH", "--wait", "--data", data, `/1.0/instances/${container}`]);
    },
    async takeBack() {
      await run([engine, "config", "device", "remove", container, ...files.map(name)]);
      await run(["setfacl", "-x", `u:${await hostUid()}`, ...files]);
    },
  };
}

/** map.ts, which waits for Enter meanwhile. */
function ours(files: readonly string[]): Lending {
  const input = join(directory, "input");
  let keys: Deno.FsFile;
  let ended: Promise<unknown>;
  return {
    async lend() {
      await run(["mkfifo", input]);
      keys = await Deno.open(input, { read: true, write: true });
      const mapped = Promise.withResolvers<void>();
      const argv = ["sh", "-c", 'exec "$@" <"$0"', input, "./map.ts", `--engine=${engine}`, container, ...files];
      const running = startProcess(argv, { cwd: root, output: { line: () => mapped.resolve() } });
      ended = running.ended;
      await Promise.race([mapped.promise, ended]);
    },
    async takeBack() {
      await keys.write(new TextEncoder().encode("\n"));
      await ended;
      keys.close();
      await Deno.remove(input);
    },
  };
}

function row(count: number): Row {
  const files = Array.from({ length: count }, (_, index) => join(directory, `file-${index}`));
  const way = (lending: (files: readonly string[]) => Lending): () => Promise<[number, number]> => () =>
    measure(files, lending(files));
  const ways: Partial<Record<Way, () => Promise<[number, number]>>> = {
    original: way(original),
    hand: way(byHand),
    ours: way(ours),
  };
  const what = count === 1 ? "1 file" : `${count} files`;
  return {
    measures: [
      { name: `map: ${what}, command to readable in the container`, unit: "s" },
      { name: `map: ${what}, Enter to taken back`, unit: "s" },
    ],
    needs: ["user", "lxc"],
    rounds: 5,
    async before() {
      await removeAll();
      await Deno.mkdir(directory);
      await Promise.all(files.map((file) => Deno.writeTextFile(file, "text")));
      const config = await cloudConfig("map", "#cloud-config\ndisable_root: true\n");
      await run([
        "./create.ts",
        "--quiet",
        "--yes",
        "--image",
        image,
        container,
        publicKey,
        "profiles/gui.yaml",
        config,
      ]);
    },
    after: removeAll,
    ways,
  };
}

async function removeAll(): Promise<void> {
  await run(["./create.ts", "--quiet", "--delete", "--force", container], { okCodes: "any" });
  await run(["rm", "-rf", directory]);
}

/** The rows about lending files. */
export const mapRows: readonly Row[] = [row(1), row(50)];
