/** `map.ts [NAME [FILE...]]`: lends files to a container until the user takes them back. */

import { hasDisplay, isUnattended } from "../base/desktop.ts";
import { ExitCode, inputError, UserError } from "../base/errors.ts";
import type { Host } from "../base/host.ts";
import { all } from "../base/settle.ts";
import { withUndo } from "../base/undo.ts";
import { findOurs, listOurs } from "../container/ours.ts";
import { type EngineOptions, findPlace } from "../container/place.ts";
import { checkWays, sharedByMounts } from "../container/source_path.ts";
import { type ContainerUser, hostUidOf, userOf } from "../container/user.ts";
import { chooseEngine, type Engine, engineLine, engineOn, type Instance, labelOf } from "../engine/engine.ts";
import { type InstanceInfo, listNeighbours } from "../engine/instance.ts";
import { announcePresence, ownIds } from "./journal.ts";
import { type Lending, lendThemselves } from "./lending.ts";
import { showLoans } from "./list.ts";
import type { MapOptions } from "./map.ts";
import { listeningSessions } from "./open_files.ts";
import { missingArgument, type Prompter, terminalPrompter } from "./prompter.ts";
import { recoverFirst, withDeadline } from "./recover.ts";
import { checkFiles, type FileRules, type SourceFile } from "./source_file.ts";
import { tellTakenBack } from "./take_back.ts";
import { withRemote } from "../engine/server.ts";

/** What the command line asks for. */
export interface LendRequest extends EngineOptions {
  /** `[NAME [FILE...]]`: what is missing is asked for. */
  words: readonly string[];
  /** The container may not change the files. */
  readOnly: boolean;
  /** Whether the run ends at once, and the files stay lent. */
  stays: boolean;
  /** How long the files stay lent, in milliseconds; undefined as long as the user likes. */
  forMs: number | undefined;
  /** Whether files are taken back without a question while sessions run. */
  yes: boolean;
}

/**
 * Lends files, and takes them back at the end.
 *
 * @returns the exit code
 */
export async function lendFiles(host: Host, request: LendRequest): Promise<number> {
  if (host.dryRun) {
    await (await import("./dry_run.ts")).planLending(host, request);
    return 0;
  }
  const { readOnly } = request;
  const prompter = await choosePrompter(host);
  const chosen = await chooseFiles(host, prompter, request);
  if (!chosen) return ExitCode.failed;
  const { engine, name, files, rules, asked } = chosen;
  await recoverFirst(host);
  const { user, uid } = await checkContainer(await (asked ?? askEngine({ engine, name })), { engine, files });
  const presence = await announcePresence(host);
  const options = { engine, instance: name, user, readOnly, owner: presence.owner };
  const lending = uid === undefined
    ? (await import("./copies.ts")).lendAsCopies(files, options)
    : lendThemselves(files, { ...options, uid, prompter, rules });
  if (request.stays) {
    const lent = await withUndo(host, async (undo) => {
      await lending.lend(undo);
      return await lending.keep();
    });
    await presence.end();
    showLoans(host, lent);
    return 0;
  }
  try {
    await withUndo(host, (undo) => lending.lend(undo));
    showLoans(host, lending.loans());
    await untilUserEnds(prompter, { ...request, lending, options });
  } finally {
    // Also when a signal has ended the waiting.
    await takeBackAtEnd(engine, prompter, lending).finally(() => presence.end());
  }
  tellTakenBack(host, lending.loans());
  // A signal that came while they were taken back.
  host.signal.throwIfAborted();
  return 0;
}

/** Dialogs where there is a display and nobody at a terminal; otherwise the terminal. */
async function choosePrompter(host: Host): Promise<Prompter> {
  return hasDisplay(host.env) && await isUnattended()
    ? (await import("./zenity.ts")).dialogPrompter(host)
    : terminalPrompter(host);
}

/** What is to be lent. */
interface Chosen {
  engine: Engine;
  /** The container's name. */
  name: string;
  files: SourceFile[];
  rules: FileRules;
  /** What the engine was asked already while files were looked at. */
  asked: Promise<Answer> | undefined;
}

/** The container and the files, from the command line or asked for; undefined when the user closes a dialog. */
async function chooseFiles(
  host: Host,
  prompter: Prompter,
  { words: [givenWord, ...givenPaths], ...options }: LendRequest,
): Promise<Chosen | undefined> {
  const givenPlace = givenWord === undefined ? undefined : await findPlace(host, givenWord, options);
  const asked = givenPlace?.engine.then((engine) => askEngine({ engine, name: givenPlace.name }));
  // Mistakes in files come first.
  asked?.catch(() => {});
  const rules = { user: await ownIds(host), shared: await sharedByMounts(host) };
  const givenFiles = await checkFiles(givenPaths, rules);
  const engine = await (givenPlace?.engine ?? chooseEngine(host, options.engine, options));
  const name = givenPlace?.name ??
    await prompter.chooseContainer(await runningContainers(engine));
  if (name === undefined) {
    if (prompter.isGraphical) return undefined;
    throw missingArgument("NAME");
  }
  const label = withRemote(engine.server, name);
  const files = givenFiles.length > 0 ? givenFiles : await checkFiles(await prompter.chooseFiles(label), rules);
  if (files.length > 0) return { engine, name, files, rules, asked };
  if (prompter.isGraphical) return undefined;
  throw missingArgument("FILE...");
}

/** The names of the running containers of ours. */
async function runningContainers(engine: Engine): Promise<string[]> {
  const names = (await listOurs(engine)).filter(({ status }) => status === "Running").map(({ name }) => name);
  if (names.length > 0) return names;
  throw new UserError(`No container that create.ts made runs in ${engine.product}`, {
    hint: `Start one: ${engineLine(engine, ["start", withRemote(engine.server, "NAME")])}`,
  });
}

/** What the engine says of a container, and of all that may share directories of this machine. */
interface Answer {
  instance: InstanceInfo;
  neighbours: InstanceInfo[];
}

async function askEngine(instance: Instance): Promise<Answer> {
  const [found, neighbours] = await all([
    findOurs(instance, { exitCode: ExitCode.usage }),
    listNeighbours(instance.engine),
  ]);
  return { instance: found, neighbours };
}

/**
 * Checks that the files can be lent to the container.
 *
 * @returns the container's user, and that user's uid on the host; undefined for a container that is on another machine
 * @throws {UserError} exit code 2 if not
 */
async function checkContainer(
  { instance, neighbours }: Answer,
  { engine, files }: { engine: Engine; files: readonly SourceFile[] },
): Promise<{ user: ContainerUser; uid: number | undefined }> {
  if (instance.status !== "Running") {
    const start = engineLine(engine, ["start", labelOf(instance)]);
    throw inputError(`The container "${labelOf(instance)}" does not run`, `Start it: ${start}`);
  }
  await checkWays(files, neighbours);
  const user = userOf(instance);
  return { user, uid: await hostUidOf(instance, user) };
}

/** Waits until the user or the time of `--for` ends the lending. */
async function untilUserEnds(
  prompter: Prompter,
  { lending, options: { engine, instance, user }, forMs, yes }: Pick<LendRequest, "forMs" | "yes"> & {
    lending: Lending;
    options: Pick<MapOptions, "engine" | "instance" | "user">;
  },
): Promise<void> {
  const over = new AbortController();
  // Not AbortSignal.timeout(), which does not keep the run going when the input has ended.
  const timer = forMs === undefined ? undefined : setTimeout(() => over.abort(), forMs);
  const signal = timer === undefined ? undefined : over.signal;
  const waiting = new AbortController();
  const following = lending.follow(waiting.signal);
  const label = withRemote(engine.server, instance);
  try {
    while (await prompter.untilAsked(lending.loans(), signal)) {
      const sessions = yes ? [] : await listeningSessions({ engine, name: instance }, user);
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

/** Takes the files of this run back, also after a signal, and reports what was found. */
async function takeBackAtEnd(engine: Engine, prompter: Prompter, lending: Lending): Promise<void> {
  const { host } = engine;
  const act = (host: Host): Promise<string[]> => lending.takeBack(engineOn(engine, host));
  for (const finding of await withDeadline(host, { deadlineMs: lending.deadlineMs(), act })) {
    if (host.signal.aborted) host.ui.warn(finding);
    else await prompter.tell(finding);
  }
}
