#!/bin/sh
//bin/true; set -f; IFS=:; p=; for d in $PATH /; do case $d in /*) p=$p:$d ;; esac; done; PATH=${p#:}
//bin/true; set -- "$(command -p readlink -f -- "$0")" "$@"
//bin/true; set -- --allow-read "$@"
//bin/true; set -- --allow-write="${XDG_STATE_HOME:-$HOME/.local/state}/gui-container" "$@"
//bin/true; set -- --allow-run=lxc,incus,setfacl,getfacl,stat,zenity,notify-send "$@"
//bin/true; set -- --allow-env=DISPLAY,WAYLAND_DISPLAY,GIO_LAUNCHED_DESKTOP_FILE "$@"
//bin/true; set -- --allow-env='HOME,GUI_CONTAINER_ENGINE,GUI_CONTAINER_MOUNTS,XDG_STATE_HOME,LD_*' "$@"
//bin/true; exec deno run --quiet --no-prompt "$@"
// Above are comments for TypeScript and commands for sh: $PATH without relative directories, the path of this file, one
// permission a line, and Deno.
/**
 * Lends files of the host to a running container, and takes them back exactly as they were.
 *
 * @module
 */

import { checkContainers, checkEngine, checkProgram, checkRuntime, programs } from "./lib/cli/checks.ts";
import { type Arguments, parseDuration, type ScriptSpec } from "./lib/cli/options.ts";
import { runScript } from "./lib/cli/script.ts";
import { hasDisplay, isUnattended } from "./lib/base/desktop.ts";
import { dialogDesk } from "./lib/map/zenity.ts";
import { type Check, diagnose } from "./lib/cli/doctor.ts";
import { chooseEngine, type Engine, engineOn } from "./lib/engine/engine.ts";
import { checkInstanceName, hostUid, type Instance } from "./lib/engine/instance.ts";
import { ExitCode, inputError, ProcessError, UserError } from "./lib/base/errors.ts";
import { isSameInode } from "./lib/map/held_file.ts";
import type { Host } from "./lib/base/host.ts";
import { listeningSessions } from "./lib/map/open_files.ts";
import { announcePresence, type Mapping, ownIds, readRecords } from "./lib/map/journal.ts";
import { type LendingDesk, nothingChosen, terminalDesk } from "./lib/map/prompter.ts";
import { checkFile, checkNotShared, type MappableFile } from "./lib/map/source_file.ts";
import { keepMapped, mapFiles, type MapOptions, mapReplacement } from "./lib/map/map.ts";
import { recordedPath, recover, unmapFiles, unmapRecorded } from "./lib/map/unmap.ts";
import { printMapping } from "./lib/map/dry_run.ts";
import type { HeldMapping } from "./lib/map/restore.ts";
import { watchFiles } from "./lib/map/watch.ts";
import { withUndo } from "./lib/base/undo.ts";
import { checkLeftovers } from "./lib/map/checks.ts";
import { containerUser, findOurs, listOurs } from "./lib/container/ours.ts";

const spec = {
  name: "map.ts",
  summary: "Lends files of the host to a running container, and takes them back exactly as they were.",
  usage: ["[options] [NAME [FILE...]]", "--list", "--unmap [NAME [FILE...]]", "--recover"],
  options: {
    "read-only": { help: "The container may read the files, not write them" },
    "for": { value: "DURATION", help: "Take the files back by itself after this long: 90s, 30m, 2h" },
    "no-wait": { help: "Return at once; the files stay mapped until --unmap" },
    "gui": { help: "Ask by dialogs (zenity); the default with a display and no terminal" },
    "no-gui": { help: "Ask on the terminal" },
    "list": { help: "Show the files that are mapped" },
    "recover": { help: "Take back what runs that were killed have left; each run does so first" },
    "unmap": { help: "Take files back: all, those of a container, or the named ones" },
  },
  places: { first: ["container"], rest: "file" },
  placesWith: { "list": { first: [] }, "recover": { first: [] } },
  epilogue: `
Example:
  map.ts my-container ~/Documents/letter.odt

What happens: the container user gets an entry in the ACL of each file (setfacl), and a disk device shows the file in the
container, below /home/ubuntu/maps (lxc query). Enter, the end of the input, Ctrl-C, a signal or the time of --for takes
the files back: the devices go, and the ACLs are what they were. Without NAME or FILE you are asked for them.`,
  showErrors: true,
} satisfies ScriptSpec<string>;

type Name = keyof typeof spec.options;

/** Longest time that taking files back may take, in milliseconds. */
const unmapDeadlineMs = 60_000;

/** Runs the script. Returns the exit code. */
async function main(host: Host, args: Arguments<Name>): Promise<number> {
  const { flags } = args;
  const forMs = durationOf(args);
  if (flags.has("list")) return showMappings(host, await readMappings(host, args));
  if (flags.has("unmap")) return await unmap(host, args);
  if (flags.has("recover")) return showTakenBack(host, await recover(host));
  const desk = chooseDesk(host, flags);
  const chosen = await chooseFiles(host, desk, args);
  if (!chosen) return 1;
  const { engine, name, files, own } = chosen;
  const readOnly = flags.has("read-only");
  if (host.dryRun) {
    await printMapping(engine, name, { paths: files.map(({ path }) => path), readOnly });
    return 0;
  }
  await recover(host).catch((error) => {
    if (!(error instanceof UserError || error instanceof ProcessError)) throw error;
    host.ui.warn(`What a run that was killed has lent cannot be taken back now: ${error.message}`);
  });
  const instance = await findContainer(engine, name);
  for (const { path } of files) await checkNotShared(path, instance.devices);
  const uid = hostUid(JSON.parse(instance.config["volatile.idmap.current"] ?? "[]"), containerUser.uid);
  const presence = await announcePresence(host);
  const options: MapOptions = { engine, instance: name, uid, readOnly, owner: presence.owner };
  if (flags.has("no-wait")) {
    const lent = await withUndo(
      host,
      async (undo) => await keepMapped(engine, await mapFiles(files, { ...options, undo })),
    );
    await presence.end();
    return showLent(host, lent);
  }
  const lent: HeldMapping[] = [];
  try {
    lent.push(...await withUndo(host, (undo) => mapFiles(files, { ...options, undo })));
    showLent(host, lent);
    await lendUntilAsked(host, desk, { lent, options, own, forMs, yes: flags.has("yes") });
  } finally {
    // Also when a signal ended the waiting: what is lent is taken back first.
    const cleaning = engineOn(engine, host.forCleanup(AbortSignal.timeout(unmapDeadlineMs)));
    try {
      for (const finding of await unmapFiles(cleaning, lent)) {
        if (host.signal.aborted) host.ui.warn(finding);
        else await desk.tell(finding);
      }
    } finally {
      await presence.end();
    }
  }
  tellTakenBack(host, lent.length);
  // A signal while they were taken back.
  host.signal.throwIfAborted();
  return 0;
}

function durationOf({ flags, values }: Arguments<Name>): number | undefined {
  const text = values.get("for");
  if (text === undefined) return undefined;
  if (!flags.has("no-wait")) return parseDuration(text);
  throw inputError(
    "--for and --no-wait exclude each other: with --no-wait nobody waits for the time to pass",
    "Leave one of them away",
  );
}

function chooseDesk(host: Host, flags: Arguments<Name>["flags"]): LendingDesk & { isGraphical: boolean } {
  if (flags.has("gui") && flags.has("no-gui")) {
    throw inputError("--gui and --no-gui exclude each other", "Leave one of them away");
  }
  if (flags.has("gui") && !host.dryRun && !hasDisplay(host.env)) {
    throw new UserError("There is no display to show dialogs on: $DISPLAY is not set", {
      hint: "Run it in a desktop session, or with --no-gui",
    });
  }
  const isGraphical = !host.dryRun &&
    (flags.has("gui") || !flags.has("no-gui") && hasDisplay(host.env) && isUnattended());
  return { ...(isGraphical ? dialogDesk(host) : terminalDesk(host)), isGraphical };
}

interface Chosen {
  engine: Engine;
  name: string;
  files: MappableFile[];
  /** The user's own ids. */
  own: { uid: number; gid: number };
}

/** Container and files, from the command line or asked for; undefined when the user closes a dialog. */
async function chooseFiles(
  host: Host,
  desk: ReturnType<typeof chooseDesk>,
  { positionals, values }: Arguments<Name>,
): Promise<Chosen | undefined> {
  // Root may lend anybody's files. A dry run makes no directory to find out who the user is.
  const own = host.dryRun ? { uid: 0, gid: 0 } : await ownIds(host);
  const [given, ...givenPaths] = positionals;
  if (given !== undefined) checkInstanceName(given);
  const givenFiles = await checkFiles(givenPaths, own);
  const engine = await chooseEngine(host, values.get("engine"));
  const name = given ?? await desk.chooseContainer(host.dryRun ? [] : await runningContainers(engine));
  if (name === undefined) {
    if (desk.isGraphical) return undefined;
    throw nothingChosen("NAME");
  }
  const files = givenFiles.length > 0 ? givenFiles : await checkFiles(await desk.chooseFiles(name), own);
  if (files.length > 0) return { engine, name, files, own };
  if (desk.isGraphical) return undefined;
  throw nothingChosen("FILE...");
}

async function checkFiles(paths: readonly string[], own: Chosen["own"]): Promise<MappableFile[]> {
  const files: MappableFile[] = [];
  for (const path of paths) {
    const file = await checkFile(path, own);
    const same = files.find(({ state }) => isSameInode(state, file.state));
    if (same) throw inputError(`"${path}" is the same file as "${same.path}"`, "Name each file once");
    files.push(file);
  }
  return files;
}

/** The names of the running containers of ours. */
async function runningContainers(engine: Engine): Promise<string[]> {
  const names = (await listOurs(engine)).filter(({ status }) => status === "Running").map(({ name }) => name);
  if (names.length > 0) return names;
  throw new UserError(`No container that create.ts made runs in ${engine.product}`, {
    hint: `Start one: ${engine.cli} start NAME`,
  });
}

/**
 * The container that files are lent to.
 *
 * @throws {UserError} exit code 2 for one that files cannot be lent to
 */
async function findContainer(engine: Engine, name: string): Promise<Instance> {
  const instance = await findOurs(engine, name, { exitCode: ExitCode.usage });
  if (instance.status !== "Running") {
    throw inputError(`The container "${name}" does not run`, `Start it: ${engine.cli} start ${name}`);
  }
  return instance;
}

/** Waits until the files are to be taken back. Gives the container the files that replace them meanwhile. */
async function lendUntilAsked(
  host: Host,
  desk: LendingDesk,
  { lent, options, own, forMs, yes }: {
    lent: HeldMapping[];
    options: MapOptions;
    own: Chosen["own"];
    forMs: number | undefined;
    yes: boolean;
  },
): Promise<void> {
  const over = new AbortController();
  const timer = forMs === undefined ? undefined : setTimeout(() => over.abort(), forMs);
  const waiting = new AbortController();
  const watching = watchReplaced(host, desk, { lent, options, own, signal: waiting.signal });
  const signal = timer === undefined ? undefined : over.signal;
  try {
    while (await desk.untilAsked(lent.map(({ mapping }) => mapping), signal)) {
      const sessions = yes ? [] : await listeningSessions(options.engine, options.instance);
      if (sessions.length === 0 || await desk.confirm(liveWarning(options.instance, sessions), signal)) break;
    }
  } finally {
    clearTimeout(timer);
    waiting.abort();
    await watching;
  }
}

function liveWarning(container: string, sessions: readonly string[]): string {
  const [what, verb] = sessions.length === 1 ? ["session", "runs"] : ["sessions", "run"];
  return `The ${what} ${
    sessions.join(", ")
  } still ${verb} in "${container}": what an app there has not saved will be lost`;
}

async function watchReplaced(
  host: Host,
  desk: LendingDesk,
  { lent, options, own, signal }: { lent: HeldMapping[]; options: MapOptions; own: Chosen["own"]; signal: AbortSignal },
): Promise<void> {
  /** The inodes that were found at paths and not lent. */
  const refused = new Map<string, number>();
  const onReplaced = async (path: string): Promise<void> => {
    const index = lent.findIndex(({ mapping }) => mapping.host === path);
    let file: MappableFile | undefined;
    try {
      file = await checkFile(path, own);
      if (refused.get(path) === file.state.ino) return file.file.close();
      const old = lent[index]!;
      const replacement = await mapReplacement(file, { ...options, old });
      if (replacement) {
        lent[index] = replacement;
        old.file.close();
        host.ui.status(`"${path}" was replaced; "${options.instance}" has the new file now`);
      } else {
        refused.set(path, file.state.ino);
        host.ui.status(`"${path}" was replaced, but it was taken back from "${options.instance}" before`);
      }
    } catch (error) {
      if (!(error instanceof UserError || error instanceof ProcessError)) throw error;
      if (file) refused.set(path, file.state.ino);
      await desk.tell(
        `"${path}" was replaced, and "${options.instance}" keeps the old file: ${error.message}`,
      );
    }
  };
  try {
    await watchFiles(() => lent.map(({ mapping }) => mapping), {
      signal,
      onReplaced,
      onGone: (path) => desk.tell(`"${path}" is gone, and "${options.instance}" still has it`),
    });
  } catch (error) {
    await desk.tell(
      `Files that are replaced will not be noticed: ${error instanceof Error ? error.message : error}`,
    );
  }
}

/** What is mapped, into containers of the engine that is asked for. */
async function readMappings(host: Host, { values }: Arguments<Name>): Promise<Mapping[]> {
  const engine = values.get("engine");
  const wanted = engine === undefined ? undefined : (await chooseEngine(host, engine)).cli;
  return (await readRecords(host)).filter(({ engine }) => wanted === undefined || engine === wanted);
}

async function unmap(host: Host, args: Arguments<Name>): Promise<number> {
  const [name, ...paths] = args.positionals;
  const real = await Promise.all(paths.map(recordedPath));
  const wanted = (await readMappings(host, args)).filter((mapping) =>
    (name === undefined || mapping.instance === name) && (real.length === 0 || real.includes(mapping.host))
  );
  const missing = real.find((path) => !wanted.some((mapping) => mapping.host === path));
  if (missing !== undefined) throw inputError(`"${missing}" is not mapped into "${name}"`, "See map.ts --list");
  await unmapRecorded(host, wanted);
  return host.dryRun ? 0 : showTakenBack(host, wanted);
}

function showLent(host: Host, lent: readonly HeldMapping[]): number {
  for (const { mapping, file } of lent) {
    const links = file.stat().links;
    if (links > 1) host.ui.warn(`"${mapping.host}" has ${links} names (hard links); it is lent under all of them`);
  }
  return showMappings(host, lent.map(({ mapping }) => mapping));
}

function showMappings(host: Host, mappings: readonly Mapping[]): number {
  const text = mappings.map(({ host, container }) => `${host}\t${container}`).join("\n");
  const data = mappings.map(({ host, container, device, readOnly }) => ({ host, container, device, readOnly }));
  host.ui.result(text, data);
  return 0;
}

function showTakenBack(host: Host, mappings: readonly Mapping[]): number {
  showMappings(host, mappings);
  tellTakenBack(host, mappings.length);
  return 0;
}

function tellTakenBack(host: Host, count: number): void {
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
