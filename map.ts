#!/bin/sh
//bin/true; set -f; IFS=:; p=; for d in $PATH /; do case $d in /*) p=$p:$d ;; esac; done; PATH=${p#:}
//bin/true; set -- "$(command -p readlink -f -- "$0")" "$@"
//bin/true; set -- --allow-read "$@"
//bin/true; set -- --allow-write="${XDG_STATE_HOME:-$HOME/.local/state}/gui-container" "$@"
//bin/true; set -- --allow-run=lxc,incus,setfacl,getfacl,stat,cp,mv,rm,zenity,notify-send "$@"
//bin/true; set -- --allow-env='DISPLAY,WAYLAND_DISPLAY,GIO_LAUNCHED_DESKTOP_FILE,HOME,GUI_CONTAINER_ENGINE,GUI_CONTAINER_MOUNTS,XDG_STATE_HOME,LD_*,XDG_CONFIG_HOME,LXD_CONF,LXD_GLOBAL_CONF,LXC_REMOTE,INCUS_CONF,INCUS_GLOBAL_CONF,INCUS_REMOTE,INCUS_PROJECT' "$@"
//bin/true; case $(deno -V 2>&1) in 'deno '2.9.* | 'deno '2.[1-9][0-9]* | 'deno '[3-9].*) ;; *) printf 'error: %s\nhint: %s\n' 'Deno 2.9.0 or newer is needed' 'Get it from https://deno.com, or run: deno upgrade' >&2; exit 127 ;; esac
//bin/true; exec deno run --quiet --no-prompt "$@"
// Above are comments for TypeScript and commands for sh: $PATH without relative directories, the path of this file, one
// permission a line, Deno's version, and Deno.
/**
 * Lends files of the host to a running container, and takes them back exactly as they were.
 *
 * @module
 */

import { type Arguments, engineOptions, parseDuration, type ScriptSpec } from "./lib/cli/options.ts";
import { runScript } from "./lib/cli/script.ts";
import { checkContainers, checkEngine, checkProgram, checkRuntime, programs } from "./lib/cli/checks.ts";
import { type Check, diagnose } from "./lib/cli/doctor.ts";
import { labelOf } from "./lib/container/mounts.ts";
import { findOurs, listOurs } from "./lib/container/ours.ts";
import { findPlace } from "./lib/container/place.ts";
import { checkDirectory, sharedByDevices, sharedByMounts } from "./lib/container/source_path.ts";
import { type ContainerUser, userOf } from "./lib/container/user.ts";
import {
  chooseEngine,
  type Engine,
  engineArgv,
  type EngineCli,
  engineClis,
  engineOn,
  nameOn,
} from "./lib/engine/engine.ts";
import {
  hostUid,
  idMapOf,
  isHere,
  listAllInstances,
  listOwnInstances,
  parseInstancePath,
} from "./lib/engine/instance.ts";
import { findServer, hasRemote } from "./lib/engine/server.ts";
import { hasDisplay, isUnattended } from "./lib/base/desktop.ts";
import { ExitCode, inputError, ProcessError, UserError } from "./lib/base/errors.ts";
import type { Host } from "./lib/base/host.ts";
import { type Undo, withUndo } from "./lib/base/undo.ts";
import { checkLeftovers } from "./lib/map/checks.ts";
import { keepCopies, lendCopies, takeBackCopies } from "./lib/map/copies.ts";
import { printLending, printMapping } from "./lib/map/dry_run.ts";
import { announcePresence, type Borrower, type LentCopy, type Mapping, ownIds } from "./lib/map/journal.ts";
import { type ServerRecord, serverRecord } from "./lib/engine/server_record.ts";
import { keepMapped, mapFiles, type MapOptions } from "./lib/map/map.ts";
import { listeningSessions } from "./lib/map/open_files.ts";
import { type LentFile, missingArgument, type Prompter, terminalPrompter } from "./lib/map/prompter.ts";
import type { HeldMapping } from "./lib/map/restore.ts";
import { checkFiles, type FileRules, type MappableFile } from "./lib/map/source_file.ts";
import { type Loans, readLoans, recordedPath, recover, unmapFiles, unmapRecorded } from "./lib/map/unmap.ts";
import { followReplacements } from "./lib/map/watch.ts";
import { dialogPrompter } from "./lib/map/zenity.ts";

const spec = {
  name: "map.ts",
  summary: "Lends files of the host to a running container, and takes them back exactly as they were.",
  usage: ["[options] [NAME [FILE...]]", "--list", "--unmap [NAME [FILE...]]", "--recover"],
  options: {
    "read-only": { help: "The container may read the files, not write them" },
    "for": { value: "DURATION", help: "Take the files back automatically after this time: 90s, 30m, 2h" },
    "no-wait": { help: "Return at once; the files stay mapped until --unmap" },
    "gui": { help: "Ask in dialogs (zenity); the default with a display and no terminal" },
    "no-gui": { help: "Ask on the terminal" },
    "list": { help: "Show the files that are mapped" },
    "recover": { help: "Take back files that killed runs have lent; each run that lends files does so first" },
    "unmap": { help: "Take files back: all, those of a container, or the named ones" },
  },
  places: { first: ["container"], rest: "file" },
  placesWith: { "list": { first: [] }, "recover": { first: [] } },
  epilogue: `
Example:
  map.ts my-container ~/Documents/letter.odt

What happens: the container's user gets an entry in the ACL of each file (setfacl), and a disk device shows the file in
the container, below ~/maps of that user (lxc query). Enter, the end of the input, Ctrl-C, a signal or the end of
--for's time takes the files back: the devices are removed, and the ACLs are restored. To a container on another machine
a copy is lent (lxc exec), and comes back (cp) if it was changed there; if the file was changed here as well, beside it.

REMOTE:NAME is a container on a remote of the engine's CLI (lxc remote add). Without NAME or FILE you are asked for them.`,
  showErrors: true,
} satisfies ScriptSpec<string>;

/** What the command line takes, for the man page. */
export const commandLine: ScriptSpec<string> = spec;

type Name = keyof typeof spec.options;

/** The longest that unmapping may take at the end of a run, in milliseconds. */
const unmapDeadlineMs = 60_000;

/** The longest that a run waits for files of killed runs to be taken back, in milliseconds. */
const recoverDeadlineMs = 120_000;

/** The largest copy that a run takes back before it lends files, in bytes. */
const mostRecoverBytes = 64 * 2 ** 20;

/** How much longer it may take for each byte of lent copies: as on a link of 2 Mbit/s. */
const msPerByte = 1 / 256;

/** Runs the script. Returns the exit code. */
async function main(host: Host, args: Arguments<Name>): Promise<number> {
  const { flags } = args;
  const forMs = durationOf(args);
  if (flags.has("list")) return showLoans(host, await wantedLoans(host, args));
  if (flags.has("unmap")) return await unmap(host, args);
  if (flags.has("recover")) return showTakenBack(host, await recover(host));
  const prompter = await choosePrompter(host, flags);
  const chosen = await chooseFiles(host, prompter, args);
  if (!chosen) return ExitCode.failed;
  const { engine, name, files, rules } = chosen;
  const readOnly = flags.has("read-only");
  if (host.dryRun) {
    const print = engine.server.isLocal ? printMapping : printLending;
    await print(engine, name, { paths: files.map(({ path }) => path), readOnly });
    return 0;
  }
  await recoverFirst(host);
  const { user, uid } = await checkContainer(engine, name, files);
  const presence = await announcePresence(host);
  const options = { engine, instance: name, user, readOnly, owner: presence.owner };
  const lender = uid === undefined
    ? copyLender(files, options)
    : mapLender(files, { options: { ...options, uid }, prompter, rules });
  if (flags.has("no-wait")) {
    const lent = await withUndo(host, async (undo) => {
      await lender.lend(undo);
      return await lender.keep();
    });
    await presence.end();
    return showLoans(host, lent);
  }
  try {
    await withUndo(host, (undo) => lender.lend(undo));
    showLoans(host, lender.loans());
    await untilUserEnds(prompter, { lender, options, forMs, yes: flags.has("yes") });
  } finally {
    // Also when a signal has ended the waiting.
    await takeBackAtEnd(engine, prompter, lender).finally(() => presence.end());
  }
  tellTakenBack(host, lender.loans());
  // A signal that came while they were taken back.
  host.signal.throwIfAborted();
  return 0;
}

/** How files are lent: as they are, or as copies. */
interface Lender {
  /** Lends them. */
  lend(undo: Undo): Promise<void>;
  /** What is lent. */
  loans(): Loans;
  /** Lets them stay lent. Returns those that nobody has taken back meanwhile. */
  keep(): Promise<Loans>;
  /** Looks after them until `signal` aborts. */
  follow(signal: AbortSignal): Promise<void>;
  /** Takes them back. Returns what was found that the user should know. */
  takeBack(engine: Engine): Promise<string[]>;
  /** How long that may take, in milliseconds. */
  deadlineMs(): number;
}

/** Lends files themselves. */
function mapLender(
  files: readonly MappableFile[],
  { options, prompter, rules }: { options: MapOptions; prompter: Prompter; rules: FileRules },
): Lender {
  const { engine } = options;
  const mapped: HeldMapping[] = [];
  const loansOf = (mapped: readonly HeldMapping[]): Loans => ({
    mappings: mapped.map(({ mapping }) => mapping),
    copies: [],
  });
  return {
    async lend(undo) {
      mapped.push(...await mapFiles(files, { ...options, undo }));
      for (const { mapping, file } of mapped) {
        const { links } = file.stat();
        if (links > 1) {
          engine.host.ui.warn(`"${mapping.host}" has ${links} names (hard links); it is lent under all of them`);
        }
      }
    },
    loans: () => loansOf(mapped),
    keep: async () => loansOf(await keepMapped(engine, mapped)),
    follow: (signal) => followReplacements(engine.host, prompter, { mapped, options, rules, signal }),
    takeBack: (engine) => unmapFiles(engine, mapped),
    deadlineMs: () => unmapDeadlineMs,
  };
}

/** Lends copies of files, which are not looked after: what happens to a file is found out when its copy comes back. */
function copyLender(files: readonly MappableFile[], options: Omit<MapOptions, "uid">): Lender {
  const { engine } = options;
  const copies: LentCopy[] = [];
  return {
    async lend(undo) {
      copies.push(...await lendCopies(files, { ...options, undo }));
    },
    loans: () => ({ mappings: [], copies }),
    keep: async () => ({ mappings: [], copies: await keepCopies(engine.host, copies) }),
    follow: () => Promise.resolve(),
    takeBack: (engine) => takeBackCopies(engine, copies),
    deadlineMs: () => unmapDeadlineMs + copies.reduce((sum, { lent }) => sum + (lent?.size ?? 0), 0) * msPerByte,
  };
}

/** How long files stay mapped, in milliseconds; undefined without `--for`. */
function durationOf({ flags, values }: Arguments<Name>): number | undefined {
  const text = values.get("for");
  if (text === undefined) return undefined;
  if (!flags.has("no-wait")) return parseDuration(text);
  throw inputError(
    "--for and --no-wait exclude each other: with --no-wait, no run is left to take the files back",
    "Omit one of them",
  );
}

/** Dialogs if they are asked for, or if there is a display and nobody at a terminal; otherwise the terminal. */
async function choosePrompter(host: Host, flags: Arguments<Name>["flags"]): Promise<Prompter> {
  if (flags.has("gui") && flags.has("no-gui")) {
    throw inputError("--gui and --no-gui exclude each other", "Leave one of them out");
  }
  if (flags.has("gui") && !host.dryRun && !hasDisplay(host.env)) {
    throw new UserError("There is no display to show dialogs on: $DISPLAY is not set", {
      hint: "Run it in a desktop session, or with --no-gui",
    });
  }
  const isGraphical = !host.dryRun &&
    (flags.has("gui") || !flags.has("no-gui") && hasDisplay(host.env) && await isUnattended());
  return isGraphical ? dialogPrompter(host) : terminalPrompter(host);
}

/** What is to be mapped. */
interface Chosen {
  engine: Engine;
  /** The container's name. */
  name: string;
  files: MappableFile[];
  rules: FileRules;
}

/** The container and the files, from the command line or asked for; undefined when the user closes a dialog. */
async function chooseFiles(
  host: Host,
  prompter: Prompter,
  args: Arguments<Name>,
): Promise<Chosen | undefined> {
  // ownIds() makes a directory, which a dry run must not do: it plans as for root, who may map anybody's files.
  const user = host.dryRun ? { uid: 0, gid: 0 } : await ownIds(host);
  const rules = { user, shared: await sharedByMounts(host) };
  const [givenWord, ...givenPaths] = args.positionals;
  const options = engineOptions(args);
  const givenPlace = givenWord === undefined ? undefined : await findPlace(host, givenWord, options);
  const givenFiles = await checkFiles(givenPaths, rules);
  const engine = await (givenPlace?.engine ?? chooseEngine(host, options.engine, options));
  const name = givenPlace?.name ??
    await prompter.chooseContainer(host.dryRun ? [] : await runningContainers(engine));
  if (name === undefined) {
    if (prompter.isGraphical) return undefined;
    throw missingArgument("NAME");
  }
  const label = labelOf(engine.server, name);
  const files = givenFiles.length > 0 ? givenFiles : await checkFiles(await prompter.chooseFiles(label), rules);
  if (files.length > 0) return { engine, name, files, rules };
  if (prompter.isGraphical) return undefined;
  throw missingArgument("FILE...");
}

/** The names of the running containers of ours. */
async function runningContainers(engine: Engine): Promise<string[]> {
  const names = (await listOurs(engine)).filter(({ status }) => status === "Running").map(({ name }) => name);
  if (names.length > 0) return names;
  throw new UserError(`No container that create.ts made runs in ${engine.product}`, {
    hint: `Start one: ${engineArgv(engine, ["start", nameOn(engine, "NAME")]).join(" ")}`,
  });
}

/**
 * Takes back the files of runs that were killed. If that cannot be done now, the user is told, and this run goes on.
 */
async function recoverFirst(host: Host): Promise<void> {
  try {
    const act = (host: Host): Promise<Loans> => recover(host, { most: mostRecoverBytes });
    await inTime(host, { deadlineMs: recoverDeadlineMs, until: host.signal, act });
  } catch (error) {
    host.signal.throwIfAborted();
    if (!(error instanceof UserError || error instanceof ProcessError)) throw error;
    host.ui.warn(
      `Files that a killed run has lent cannot be taken back now: ${error.message}. Later: map.ts --recover`,
    );
  }
}

/**
 * Takes files back by `act`, whose programs are ended after a while, or when `until` aborts. What is not taken back
 * then stays on record.
 */
async function inTime<T>(
  host: Host,
  { deadlineMs, until, act }: { deadlineMs: number; until?: AbortSignal; act: (host: Host) => Promise<T> },
): Promise<T> {
  const over = new AbortController();
  const timer = setTimeout(() => {
    over.abort(
      new UserError("The files could not all be taken back in time", { hint: "Try it again: map.ts --recover" }),
    );
  }, deadlineMs);
  try {
    return await act(host.forCleanup(AbortSignal.any([over.signal, ...(until ? [until] : [])])));
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Checks that the files can be mapped into the container.
 *
 * @returns the container's user, and that user's uid on the host; undefined for a container that is on another machine
 * @throws {UserError} exit code 2 if not
 */
async function checkContainer(
  engine: Engine,
  name: string,
  files: readonly MappableFile[],
): Promise<{ user: ContainerUser; uid: number | undefined }> {
  const [instance, instances] = await Promise.all([
    findOurs(engine, name, { exitCode: ExitCode.usage }),
    engine.server.isLocal ? listAllInstances(engine) : listOwnInstances(engine),
  ]);
  const label = labelOf(engine.server, name);
  if (instance.status !== "Running") {
    const start = engineArgv(engine, ["start", nameOn(engine, name)]).join(" ");
    throw inputError(`The container "${label}" does not run`, `Start it: ${start}`);
  }
  const shared = await sharedByDevices(instances);
  for (const { path, directories } of files) {
    for (const directory of directories) await checkDirectory(path, directory, shared);
  }
  const user = userOf(engine, instance);
  const uid = await isHere(engine, instance) ? hostUid(idMapOf(instance), Number(user.uid)) : undefined;
  return { user, uid };
}

/** Waits until the user or the time of `--for` ends the lending. */
async function untilUserEnds(
  prompter: Prompter,
  { lender, options, forMs, yes }: {
    lender: Lender;
    options: Pick<MapOptions, "engine" | "instance" | "user">;
    forMs: number | undefined;
    yes: boolean;
  },
): Promise<void> {
  const { engine, instance, user } = options;
  const over = new AbortController();
  const timer = forMs === undefined ? undefined : setTimeout(() => over.abort(), forMs);
  const signal = timer === undefined ? undefined : over.signal;
  const waiting = new AbortController();
  const following = lender.follow(waiting.signal);
  const label = labelOf(engine.server, instance);
  try {
    while (await prompter.untilAsked(lentFiles(lender.loans()), signal)) {
      const sessions = yes ? [] : await listeningSessions(engine, instance, user);
      if (sessions.length === 0 || await prompter.confirm(liveWarning(label, sessions), signal)) break;
    }
  } finally {
    clearTimeout(timer);
    waiting.abort();
    await following;
  }
}

function liveWarning(container: string, sessions: readonly string[]): string {
  const [what, verb] = sessions.length === 1 ? ["session", "runs"] : ["sessions", "run"];
  const names = sessions.join(", ");
  return `The ${what} ${names} still ${verb} in "${container}": what an app there has not saved will be lost`;
}

/** Takes the files of this run back, also after a signal, and tells what was found. */
async function takeBackAtEnd(engine: Engine, prompter: Prompter, lender: Lender): Promise<void> {
  const { host } = engine;
  const act = (host: Host): Promise<string[]> => lender.takeBack(engineOn(engine, host));
  for (const finding of await inTime(host, { deadlineMs: lender.deadlineMs(), act })) {
    if (host.signal.aborted) host.ui.warn(finding);
    else await prompter.tell(finding);
  }
}

/** What is on record, in containers of the engine that is asked for. */
async function wantedLoans(host: Host, { values }: Arguments<Name>): Promise<Loans> {
  const wanted = values.get("engine");
  const engine = wanted === undefined ? undefined : (await chooseEngine(host, wanted)).cli;
  return filterLoans(await readLoans(host), (loan) => engine === undefined || loan.engine === engine);
}

function filterLoans({ mappings, copies }: Loans, isWanted: (loan: Borrower & { host: string }) => boolean): Loans {
  return { mappings: mappings.filter(isWanted), copies: copies.filter(isWanted) };
}

/** Carries `--unmap` out. Returns the exit code. */
async function unmap(host: Host, args: Arguments<Name>): Promise<number> {
  const [word, ...givenPaths] = args.positionals;
  const paths = await Promise.all(givenPaths.map(recordedPath));
  const all = await wantedLoans(host, args);
  const isBorrower = word === undefined ? () => true : await borrowerCalled(host, word, { args, all });
  const wanted = filterLoans(all, (loan) => isBorrower(loan) && (paths.length === 0 || paths.includes(loan.host)));
  const missing = paths.find((path) => !lentFiles(wanted).some((file) => file.host === path));
  if (missing !== undefined) throw inputError(`"${missing}" is not mapped into "${word}"`, "See map.ts --list");
  await unmapRecorded(host, wanted);
  return host.dryRun ? 0 : showTakenBack(host, wanted);
}

/** Whether a file is lent to the container that the user calls `word`. No engine is asked. */
async function borrowerCalled(
  host: Host,
  word: string,
  { args, all }: { args: Arguments<Name>; all: Loans },
): Promise<(loan: Borrower) => boolean> {
  const { remote, name } = parseInstancePath(word);
  const { project } = engineOptions(args);
  const isKnown = remote === undefined ||
    [...all.mappings, ...all.copies].some(({ server }) => server?.remote === remote) ||
    (await Promise.all(engineClis.map((cli) => hasRemote(host, cli, remote)))).includes(true);
  if (!isKnown) throw inputError(`There is no remote "${remote}"`, "See map.ts --list");
  const servers = new Map<string, ServerRecord>();
  for (const { engine } of [...all.mappings, ...all.copies]) {
    if (servers.has(engine) || remote !== undefined && !await hasRemote(host, engine as EngineCli, remote)) continue;
    servers.set(engine, serverRecord(await findServer(host, engine as EngineCli, { remote, project })));
  }
  return ({ engine, server, instance }) => {
    const meant = servers.get(engine);
    if (instance !== name) return false;
    // The CLI has no such remote any more.
    if (!meant) return server?.remote === remote && (project === undefined || server?.project === project);
    // A record of an older version names no server.
    return server ? server.remote === meant.remote && server.project === meant.project : remote === undefined;
  };
}

/** Files on record as the user sees them. */
function lentFiles({ mappings, copies }: Loans): LentFile[] {
  const seen = ({ host, container, readOnly, instance, server }: Mapping | LentCopy): Omit<LentFile, "isCopy"> => ({
    host,
    container,
    readOnly,
    label: labelOf({ remote: server?.remote === "local" ? undefined : server?.remote }, instance),
  });
  return [
    ...mappings.map((mapping) => ({ ...seen(mapping), isCopy: false })),
    ...copies.map((copy) => ({ ...seen(copy), isCopy: true })),
  ];
}

function showLoans(host: Host, loans: Loans): number {
  const text = lentFiles(loans).map(({ host, container, label, isCopy }) =>
    `${host}\t${container}${isCopy ? `\t${label}` : ""}`
  ).join("\n");
  const data = [
    ...loans.mappings.map(({ host, container, device, readOnly }) => ({ host, container, device, readOnly })),
    ...lentFiles({ mappings: [], copies: loans.copies }).map(({ host, container, readOnly, label }) => ({
      ...{ host, container, device: null, readOnly },
      copyIn: label,
    })),
  ];
  host.ui.result(text, data);
  return 0;
}

function showTakenBack(host: Host, loans: Loans): number {
  showLoans(host, loans);
  tellTakenBack(host, loans);
  return 0;
}

function tellTakenBack(host: Host, { mappings, copies }: Loans): void {
  const count = mappings.length + copies.length;
  host.ui.status(["No file is mapped", "The file is taken back"][count] ?? `${count} files are taken back`);
}

/** What `--doctor` looks at. */
const checks: Check[] = [
  checkRuntime,
  checkEngine,
  checkProgram(programs.setfacl),
  checkProgram(programs.getfacl),
  checkProgram(programs.zenity),
  checkProgram(programs.notifySend),
  checkContainers,
  checkLeftovers,
];

if (import.meta.main) {
  await runScript(spec, { main, doctor: (host, wanted) => diagnose(host, { wanted, checks }) });
}
