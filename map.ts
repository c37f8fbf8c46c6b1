#!/bin/sh
//bin/true; set -f; IFS=:; p=; for d in $PATH /; do case $d in /*) p=$p:$d ;; esac; done; PATH=${p#:}
//bin/true; set -- "$(command -p readlink -f -- "$0")" "$@"
//bin/true; set -- --allow-read "$@"
//bin/true; set -- --allow-write="${XDG_STATE_HOME:-$HOME/.local/state}/gui-container" "$@"
//bin/true; set -- --allow-run=lxc,incus,setfacl,getfacl,stat,zenity,notify-send "$@"
//bin/true; set -- --allow-env=DISPLAY,WAYLAND_DISPLAY,GIO_LAUNCHED_DESKTOP_FILE "$@"
//bin/true; set -- --allow-env='HOME,GUI_CONTAINER_ENGINE,GUI_CONTAINER_MOUNTS,XDG_STATE_HOME,LD_*' "$@"
//bin/true; set -- --allow-env=XDG_CONFIG_HOME,LXD_CONF,INCUS_CONF,INCUS_REMOTE,INCUS_PROJECT "$@"
//bin/true; exec deno run --quiet --no-prompt "$@"
// Above are comments for TypeScript and commands for sh: $PATH without relative directories, the path of this file, one
// permission a line, and Deno.
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
import { chooseEngine, type Engine, engineArgv, engineOn, nameOn } from "./lib/engine/engine.ts";
import { hostUid, idMapOf, isHere, listInstances } from "./lib/engine/instance.ts";
import { hasDisplay, isUnattended } from "./lib/base/desktop.ts";
import { ExitCode, inputError, ProcessError, UserError } from "./lib/base/errors.ts";
import type { Host } from "./lib/base/host.ts";
import { withUndo } from "./lib/base/undo.ts";
import { checkLeftovers } from "./lib/map/checks.ts";
import { printMapping } from "./lib/map/dry_run.ts";
import { announcePresence, type Mapping, ownIds, readRecords } from "./lib/map/journal.ts";
import { keepMapped, mapFiles, type MapOptions } from "./lib/map/map.ts";
import { listeningSessions } from "./lib/map/open_files.ts";
import { missingArgument, type Prompter, terminalPrompter } from "./lib/map/prompter.ts";
import type { HeldMapping } from "./lib/map/restore.ts";
import { checkFiles, type FileRules, type MappableFile } from "./lib/map/source_file.ts";
import { recordedPath, recover, unmapFiles, unmapRecorded } from "./lib/map/unmap.ts";
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
--for's time takes the files back: the devices are removed, and the ACLs are restored.

Without NAME or FILE you are asked for them.`,
  showErrors: true,
} satisfies ScriptSpec<string>;

/** What the command line takes, for the man page. */
export const commandLine: ScriptSpec<string> = spec;

type Name = keyof typeof spec.options;

/** The longest that unmapping may take at the end of a run, in milliseconds. */
const unmapDeadlineMs = 60_000;

/** Runs the script. Returns the exit code. */
async function main(host: Host, args: Arguments<Name>): Promise<number> {
  const { flags } = args;
  const forMs = durationOf(args);
  if (flags.has("list")) return showMappings(host, await readMappings(host, args));
  if (flags.has("unmap")) return await unmap(host, args);
  if (flags.has("recover")) return showUnmapped(host, await recover(host));
  const prompter = choosePrompter(host, flags);
  const chosen = await chooseFiles(host, prompter, args);
  if (!chosen) return ExitCode.failed;
  const { engine, name, files, rules } = chosen;
  const readOnly = flags.has("read-only");
  if (host.dryRun) {
    await printMapping(engine, name, { paths: files.map(({ path }) => path), readOnly });
    return 0;
  }
  await recoverFirst(host);
  const { user, uid } = await checkContainer(engine, name, files);
  const presence = await announcePresence(host);
  const options: MapOptions = { engine, instance: name, user, uid, readOnly, owner: presence.owner };
  if (flags.has("no-wait")) {
    const mapped = await withUndo(host, async (undo) => {
      return await keepMapped(engine, await mapFiles(files, { ...options, undo }));
    });
    await presence.end();
    return showMapped(host, mapped);
  }
  const mapped: HeldMapping[] = [];
  try {
    mapped.push(...await withUndo(host, (undo) => mapFiles(files, { ...options, undo })));
    showMapped(host, mapped);
    await untilUserEnds(host, prompter, { mapped, options, rules, forMs, yes: flags.has("yes") });
  } finally {
    // Also when a signal has ended the waiting.
    await unmapAtEnd(engine, prompter, mapped).finally(() => presence.end());
  }
  tellUnmapped(host, mapped.length);
  // A signal that came while they were unmapped.
  host.signal.throwIfAborted();
  return 0;
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
function choosePrompter(host: Host, flags: Arguments<Name>["flags"]): Prompter {
  if (flags.has("gui") && flags.has("no-gui")) {
    throw inputError("--gui and --no-gui exclude each other", "Leave one of them out");
  }
  if (flags.has("gui") && !host.dryRun && !hasDisplay(host.env)) {
    throw new UserError("There is no display to show dialogs on: $DISPLAY is not set", {
      hint: "Run it in a desktop session, or with --no-gui",
    });
  }
  const isGraphical = !host.dryRun &&
    (flags.has("gui") || !flags.has("no-gui") && hasDisplay(host.env) && isUnattended());
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

/** Unmaps the files of runs that were killed. If that cannot be done now, the user is told, and this run goes on. */
async function recoverFirst(host: Host): Promise<void> {
  try {
    await recover(host);
  } catch (error) {
    if (!(error instanceof UserError || error instanceof ProcessError)) throw error;
    host.ui.warn(`Files that a killed run has lent cannot be taken back now: ${error.message}`);
  }
}

/**
 * Checks that the files can be mapped into the container.
 *
 * @returns the container's user, and that user's uid on the host
 * @throws {UserError} exit code 2 if not
 */
async function checkContainer(
  engine: Engine,
  name: string,
  files: readonly MappableFile[],
): Promise<{ user: ContainerUser; uid: number }> {
  const [instance, instances] = await Promise.all([
    findOurs(engine, name, { exitCode: ExitCode.usage }),
    listInstances(engine),
  ]);
  const label = labelOf(engine.server, name);
  if (!await isHere(engine, instance)) {
    throw inputError(`Files cannot be lent to "${label}": it is on another machine`, "Run map.ts there");
  }
  if (instance.status !== "Running") {
    const start = engineArgv(engine, ["start", nameOn(engine, name)]).join(" ");
    throw inputError(`The container "${label}" does not run`, `Start it: ${start}`);
  }
  const shared = await sharedByDevices(instances);
  for (const { path, directories } of files) {
    for (const directory of directories) await checkDirectory(path, directory, shared);
  }
  const user = userOf(engine, instance);
  return { user, uid: hostUid(idMapOf(instance), Number(user.uid)) };
}

/** Waits until the user or the time of `--for` ends the mapping. Maps files that replace mapped ones meanwhile. */
async function untilUserEnds(
  host: Host,
  prompter: Prompter,
  { mapped, options, rules, forMs, yes }: {
    mapped: HeldMapping[];
    options: MapOptions;
    rules: FileRules;
    forMs: number | undefined;
    yes: boolean;
  },
): Promise<void> {
  const { engine, instance, user } = options;
  const over = new AbortController();
  const timer = forMs === undefined ? undefined : setTimeout(() => over.abort(), forMs);
  const signal = timer === undefined ? undefined : over.signal;
  const waiting = new AbortController();
  const following = followReplacements(host, prompter, { mapped, options, rules, signal: waiting.signal });
  try {
    while (await prompter.untilAsked(mapped.map(({ mapping }) => mapping), signal)) {
      const sessions = yes ? [] : await listeningSessions(engine, instance, user);
      if (sessions.length === 0 || await prompter.confirm(liveWarning(instance, sessions), signal)) break;
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

/** Unmaps the files of this run, also after a signal, and tells what was found. */
async function unmapAtEnd(engine: Engine, prompter: Prompter, mapped: readonly HeldMapping[]): Promise<void> {
  const { host } = engine;
  const cleaning = engineOn(engine, host.forCleanup(AbortSignal.timeout(unmapDeadlineMs)));
  for (const finding of await unmapFiles(cleaning, mapped)) {
    if (host.signal.aborted) host.ui.warn(finding);
    else await prompter.tell(finding);
  }
}

/** What is on record, in containers of the engine that is asked for. */
async function readMappings(host: Host, { values }: Arguments<Name>): Promise<Mapping[]> {
  const engine = values.get("engine");
  const wanted = engine === undefined ? undefined : (await chooseEngine(host, engine)).cli;
  return (await readRecords(host)).filter(({ engine }) => wanted === undefined || engine === wanted);
}

/** Carries `--unmap` out. Returns the exit code. */
async function unmap(host: Host, args: Arguments<Name>): Promise<number> {
  const [name, ...givenPaths] = args.positionals;
  const paths = await Promise.all(givenPaths.map(recordedPath));
  const wanted = (await readMappings(host, args)).filter((mapping) =>
    (name === undefined || mapping.instance === name) && (paths.length === 0 || paths.includes(mapping.host))
  );
  const missing = paths.find((path) => !wanted.some((mapping) => mapping.host === path));
  if (missing !== undefined) throw inputError(`"${missing}" is not mapped into "${name}"`, "See map.ts --list");
  await unmapRecorded(host, wanted);
  return host.dryRun ? 0 : showUnmapped(host, wanted);
}

function showMapped(host: Host, mapped: readonly HeldMapping[]): number {
  for (const { mapping, file } of mapped) {
    const { links } = file.stat();
    if (links > 1) host.ui.warn(`"${mapping.host}" has ${links} names (hard links); it is lent under all of them`);
  }
  return showMappings(host, mapped.map(({ mapping }) => mapping));
}

function showMappings(host: Host, mappings: readonly Mapping[]): number {
  const text = mappings.map(({ host, container }) => `${host}\t${container}`).join("\n");
  const data = mappings.map(({ host, container, device, readOnly }) => ({ host, container, device, readOnly }));
  host.ui.result(text, data);
  return 0;
}

function showUnmapped(host: Host, mappings: readonly Mapping[]): number {
  showMappings(host, mappings);
  tellUnmapped(host, mappings.length);
  return 0;
}

function tellUnmapped(host: Host, count: number): void {
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
