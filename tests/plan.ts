/** What a run of the tests consists of: the gate, and the files of `e2e` or the tests of them that a short run has. */

import { fromFileUrl, join } from "@std/path";
import type { Queued } from "./queue.ts";
import { type EngineName, type IncusName, missingParts, type PartName, type SeatName } from "./lab/state.ts";

const root = fromFileUrl(new URL("..", import.meta.url));
const lab = [Deno.execPath(), "run", "-A", join(root, "tests/lab/main.ts")];

/** What can be run: the short run, all, or the end-to-end tests of all. */
export const runNames = ["short", "all", "e2e"] as const;

/** A kind of run. */
export type RunName = typeof runNames[number];

/** What is run at one of the lab's seats, while other jobs run at others. */
export interface Job extends Queued {
  /** What it is called. */
  name: string;
  /** The command line, which ends with `deno test` or `deno task strangers`. */
  argv(seat: SeatName): string[];
  /** Whether others have its tests, by what the lab has when its turn has come. */
  unneeded?(): boolean;
}

/** Tests of a short run that have the engine and what they wait for in common. */
interface Chosen {
  engine: EngineName;
  /** What {@linkcode Comes} has: with an image for Wayland only, create.ts has no xpra to find in it. */
  after: "wayland" | "all";
  /** The tests of files of `e2e`, by what their names contain, or all of a file's on that engine. */
  files: Readonly<Record<string, readonly string[] | "all">>;
}

/**
 * The end-to-end tests of a short run: each verb of each script to its end on both displays, the README's tables, what a
 * hostile container tries, and lending with restore. X is on LXD and Wayland on Incus.
 */
export const shortRun: readonly Chosen[] = [
  {
    engine: "incus",
    after: "wayland",
    files: {
      wayland_proof: "all",
      wayland: [
        "shows a window over Wayland, keys reach the app, and it ends clean",
        "Ctrl-C leaves the windows, which --list, --join and --stop know",
        "--copy and --paste carry one text each",
        "windows and sound outlive a run that is killed",
        "apps that fail or are not there",
        "hostile: ",
      ],
      wayland_alone: "all",
      wayland_windows: "all",
      x_only: ["is shown in one window, keys reach it, and it ends clean"],
      map: ["lends a file of any name"],
    },
  },
  { engine: "incus", after: "all", files: { create: ["makes a container of two cloud-configs"] } },
  {
    engine: "lxc",
    after: "all",
    files: {
      attach_proof: "all",
      attach: [
        "shows a window, keys reach the app, and it ends clean",
        "carries the clipboard both ways",
        "the host hears a tone of 440 Hz",
        "detaches on Ctrl-C, and the app runs on",
        "starts, lists, joins, reattaches and stops sessions",
      ],
      attach_ask: ["opens a link and saves a file of an app after a yes"],
      attach_channels: [
        "follows the settings that --save has written",
        "keeps every channel closed to a hostile server",
      ],
      create: ["makes a container of two cloud-configs", "--delete refuses a live session"],
      create_update: ["--update brings a container up to date"],
      dialogs: ["Open and Save As reach the file", "dropped on a window on Wayland are lent"],
      disposable: ["shows an app in a copy of its own, lends it a file, and leaves nothing"],
      doctor: ["finds nothing broken where all is there"],
      export: ["a container is made, and an app", "the desktop starts the app", "until --unexport"],
      hostile: "all",
      hostile_windows: "all",
      hostile_xpra: "all",
      map: ["lends a file of any name", "is lent twice", "what a killed run has lent", "refuses what it cannot map"],
      map_asking: ["--for takes the files back when the time is over"],
      map_changes: ["takes away only what is its own", "no other file that a link"],
      map_exact: "all",
    },
  },
];

/** The files whose tests on Incus run on Incus 7, and then on Debian 13's as well; all others run on Incus 7 alone. */
const onBothIncus = ["attach", "create", "disposable", "map"];

/** What jobs come after: parts of the lab, each a promise that is fulfilled when they are there or known to be missing. */
export interface Comes {
  /** The host's packages. */
  packages: Promise<unknown>;
  /** Engines and desktops on which nothing is left of earlier runs, and an image for windows on Wayland on Incus. */
  wayland: Promise<unknown>;
  /** All that `lab up` makes. */
  all: Promise<unknown>;
  cluster: Promise<unknown>;
  xpra5: Promise<unknown>;
  today: Promise<unknown>;
}

/** The jobs of a run: those of the gate, which show no windows, and the end-to-end tests. */
export function jobsOf(run: RunName, comes: Comes): { gate: Job[]; endToEnd: Job[] } {
  // A short run ends with the unit tests: they have both processors once the end-to-end tests are over.
  const threads = run === "short" ? 2 : 1;
  const gate = run === "e2e" ? [] : [
    gateJob("check:code", { threads }),
    // Some need programs that the lab's packages have.
    gateJob("check:tests", { threads, after: comes.packages }),
    { ...gateJob("strangers", { threads, after: comes.packages }, "--fast"), name: "suites of others" },
  ];
  return { gate, endToEnd: run === "short" ? chosenTests(comes) : allTests(comes) };
}

/** A part of `deno task check`, beside others. */
function gateJob(
  task: string,
  { threads, ...after }: { threads: number; after?: Promise<unknown> },
  ...args: string[]
): Job {
  return {
    name: `deno task ${task}`,
    argv: () => ["env", `DENO_JOBS=${threads}`, Deno.execPath(), "task", task, ...args],
    holds: "gate",
    ...after,
  };
}

/** The end-to-end tests of a short run, a job for each file and engine. */
function chosenTests(comes: Comes): Job[] {
  return shortRun.flatMap(({ engine, after, files }) =>
    Object.entries(files).map(([file, tests]) =>
      jobOf(file, {
        name: `${file} on ${engine === "lxc" ? "LXD" : "Incus"}`,
        filter: `/^${engine}: ${tests === "all" ? "" : `.*(${tests.map(escapeRegExp).join("|")})`}/`,
        after: comes[after],
      })
    )
  );
}

/** The end-to-end tests, a job for each file. */
function allTests({ all, cluster, xpra5, today }: Comes): Job[] {
  const files = [...Deno.readDirSync(join(root, "tests/e2e"))]
    .flatMap(({ name }) => name.endsWith(".test.ts") ? [name.replace(".test.ts", "")] : []).sort();
  // Each is known by the part that its tests name.
  const afterOf = (file: string): Promise<unknown> => {
    const text = Deno.readTextFileSync(join(root, `tests/e2e/${file}.test.ts`));
    const names = (part: PartName): boolean => text.includes(`"${part}"`);
    if (names("xpra5")) return xpra5;
    if (names("today") || file.startsWith("today")) return today;
    return names("cluster") || names("far") ? cluster : all;
  };
  const again = onBothIncus.map((file): Job => ({
    ...jobOf(file, { name: `${file} on Incus 6`, incus: "6", filter: "/^incus: /", after: all }),
    unneeded: () => incusHere() === "6",
  }));
  return [...files.map((file) => jobOf(file, { after: afterOf(file) })), ...again];
}

function jobOf(
  file: string,
  { name = file, incus, filter, after }: { name?: string; incus?: IncusName; filter?: string; after: Promise<unknown> },
): Job {
  return {
    name,
    argv: (seat) => [
      ...[...lab, "run", "--seat", seat, "--incus", incus ?? incusHere()],
      ...(file.startsWith("today") && missingParts("today") === undefined ? ["--host", "today"] : []),
      // The gate has checked the types.
      ...["--", "deno", "test", "-A", "--no-check", ...(filter ? ["--filter", filter] : [])],
      `tests/e2e/${file}.test.ts`,
    ],
    // The servers of `lab cluster` are killed and cut off; a container has one directory, whatever server it is on.
    holds: file.endsWith("_remote") ? "cluster" : file,
    after,
  };
}

/** The version of Incus on which tests run that are not told on which. */
function incusHere(): IncusName {
  return missingParts("incus7") === undefined ? "7" : "6";
}

function escapeRegExp(text: string): string {
  return text.replace(/[/.*+?^${}()|[\]\\]/g, "\\$&");
}
