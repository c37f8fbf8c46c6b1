/**
 * `deno run -A tests/bench/growth.ts`: seconds against size, of what a user asks again and again. It needs neither lab nor
 * engine: what is asked for stands in files of the host's, which are made here.
 */

import { fromFileUrl, join } from "@std/path";
import { realHost } from "../../lib/base/host.ts";
import { runProcess } from "../../lib/base/process.ts";
import { terminalUi } from "../../lib/base/ui.ts";
import { openHistory } from "../../lib/container/history.ts";
import { writeRecords } from "../../lib/container/lend/journal.ts";
import type { Mapping } from "../../lib/container/lend/loan.ts";
import { markdownTable } from "./table.ts";
import type { Figure } from "./row.ts";

const root = fromFileUrl(new URL("../..", import.meta.url));

/** How often each is measured. */
const rounds = 5;

/** A list that grows: what makes so many entries of it, and the command that shows it. */
interface Growing {
  name: string;
  sizes: readonly number[];
  argv: readonly string[];
  make(size: number): Promise<unknown>;
}

const directory = await Deno.makeTempDir({ prefix: "gui-container-growth-" });
const env = { XDG_STATE_HOME: join(directory, "state"), GUI_CONTAINER_MOUNTS: join(directory, "mounts") };
for (const [name, value] of Object.entries(env)) Deno.env.set(name, value);
const { signal } = new AbortController();
const host = realHost({ ui: terminalUi({ signal }), signal, verbose: false });

/** The access ACL of a file that only its owner may write. */
const acl = { "u:": 6, "g:": 4, "o:": 4 } as const;

function loan(index: number): Mapping {
  const hex = index.toString(16).padStart(10, "0");
  return {
    id: `map-${hex}`,
    engine: "lxc",
    server: { remote: "local", project: "default" },
    instance: "growing",
    hostPath: `/home/me/documents/file-${index}.txt`,
    containerPath: `/home/ubuntu/maps/file-${index}.txt`,
    dev: 1,
    ino: index + 1,
    bornMs: null,
    uid: 1_001_000,
    mode: 0o100644,
    size: 1,
    writtenMs: 0,
    readOnly: false,
    owner: null,
    original: acl,
    granted: { ...acl, "u:1001000": 6 },
  };
}

/** A busy container's days: of each kind of line that a person causes, some each hour. */
async function days(count: number): Promise<void> {
  let now = Date.parse("2026-01-01T08:00:00Z");
  const history = openHistory(host, { name: "growing" }, () => now);
  for (let minute = 0; minute < count * 480; minute++) {
    now += 60_000;
    history.add({ kind: "link", host: `host-${minute}.example`, where: "on this host" });
    history.add({ kind: "clipboard", direction: "out", type: "text/plain", times: 1, bytes: minute });
    if (minute % 10 === 0) history.add({ kind: "download", name: `file-${minute}.pdf`, bytes: minute });
    // Each line is in its file before the next hour.
    if (minute % 60 === 0) await history.written();
  }
  await history.written();
}

const growing: readonly Growing[] = [
  {
    name: "`map.ts --list`, so many loans",
    sizes: [10, 500, 1_000, 2_000],
    argv: ["./map.ts", "--list"],
    async make(size) {
      await Deno.mkdir(join(env.XDG_STATE_HOME, "gui-container", "mappings"), { recursive: true, mode: 0o700 });
      await writeRecords(host, Array.from({ length: size }, (_, index) => loan(index)));
    },
  },
  {
    name: "`attach.ts --history`, so many days",
    sizes: [1, 7, 14, 28],
    argv: ["./attach.ts", "--history"],
    make: days,
  },
];

const figures: Figure[] = [];
try {
  for (const { name, sizes, argv, make } of growing) {
    for (const size of sizes) {
      await Deno.remove(env.XDG_STATE_HOME, { recursive: true }).catch(() => {});
      await make(size);
      const samples: number[] = [];
      let lines = 0;
      for (let round = 0; round <= rounds; round++) {
        const startMs = performance.now();
        const { stdout } = await runProcess(argv, { cwd: root });
        if (round > 0) samples.push((performance.now() - startMs) / 1000);
        lines = stdout.trim().split("\n").length;
      }
      figures.push({ name: `${name}: ${size} (${lines} lines)`, unit: "s", way: "ours", samples });
    }
  }
} finally {
  await Deno.remove(directory, { recursive: true });
}
Deno.stdout.writeSync(new TextEncoder().encode(`${markdownTable(figures, { ours: "ours" })}\n`));
