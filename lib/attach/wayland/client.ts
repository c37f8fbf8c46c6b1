/**
 * Shows a session on a Wayland compositor with waypipe, which forwards the app's Wayland protocol to the compositor. A
 * guard stands before it: a separate process, to whose socket the container's end connects. waypipe's client runs in a
 * box with a socket of the compositor. If the compositor supports security contexts, that socket is for untrusted
 * clients, and made by another waypipe in another box, which reads nothing from the container.
 */

import { abortable } from "@std/async";
import { join } from "@std/path";
import inBox from "./in_box.sh" with { type: "text" };
import makeContext from "./make_context.sh" with { type: "text" };
import showSession from "./show_session.sh" with { type: "text" };
import { ExitCode, ifInstalled, type ProcessResult, type UserError } from "../../base/errors.ts";
import { exists, ifThere, writeText } from "../../base/files.ts";
import type { Host } from "../../base/host.ts";
import type { RunningProcess } from "../../base/process.ts";
import { quoteWords, withValues } from "../../base/shell_words.ts";
import { all } from "../../base/promises.ts";
import type { Container } from "../../container/container.ts";
import { makePrivateDirectory } from "../../container/private_directory.ts";
import { socketPath } from "../../container/session_socket.ts";
import { boxDenied, boxStart, prepareBoxes, type StartBox, tryBox } from "../box/box.ts";
import { CannotShow } from "../display/display.ts";
import { recordName, type SessionRecord } from "../session/runs.ts";
import { guardHistory, hearGuard, launchGuard, whyEnded } from "../display/guard.ts";
import type { WindowsEnd } from "../../guard/closing.ts";
import { commandNames } from "../../guard/commands.ts";
import { readyLine } from "../../guard/process_interface.ts";
import { type GuardRequest, keepWord, privateNames, waylandGuardArgv } from "../../guard/wayland/process_interface.ts";
import type { Compression } from "../../guard/wayland/frames.ts";
import type { GuardedWindows } from "../../guard/wayland/session.ts";

/**
 * How long a box may take to become ready, and when the user is told about the wait, in milliseconds. A program that
 * fails exits by itself; one that neither exits nor becomes ready hangs at the compositor.
 */
const patience = { limitMs: 60_000, tellMs: 5_000 };

/**
 * How much address space a connection may take, in bytes. waypipe maps an app's shared memory twice, used or not: foot
 * 1.21 has 512 MiB for each window.
 */
const addressSpaceBytes = 16 * 2 ** 30;

/** How many processes a box may have: one for each connection. Most apps have one, few have two. */
const processes = 64;

const waypipeBoxPaths = {
  /** The directory of the sessions' sockets. */
  shared: "/run/gui-container/shared",
  /** The compositor's socket for the container's apps; in the box that makes a context, the socket for all clients. */
  display: "/run/gui-container/display",
} as const;

/**
 * The boxes, by the names of their directories below the private one: the script of each, and where it sees its
 * directory. waypipe puts a context's socket into /tmp (0.9.2).
 */
const boxes = {
  context: { script: inBox + makeContext, own: "/tmp" },
  box: { script: inBox + showSession, own: "/run/gui-container/own" },
} as const;

/** bubblewrap's option that ends the box with its script, even if other processes still run in it. */
const asFirst = "--as-pid-1";

/** A client that is being started. It ends with this value's scope, unless `keep` was called. */
export interface WaylandClient extends AsyncDisposable {
  /**
   * Resolves when the client listens.
   *
   * @throws {CannotShow} when the compositor or waypipe is unable to
   */
  ready: Promise<unknown>;
  /** The base name of the socket in the sessions' sockets' directory. The session renames it to its own name. */
  transport: string;
  socket: string;
  /** The compression for what the session sends. */
  compress: Compression;
  /** Records the session that it shows, for later commands of the user. */
  note(session: string): Promise<void>;
  /** Lets the client live as long as the session, even if this run ends. */
  keep(): void;
  /** Resolves to how the windows ended, when the session or the client has ended. */
  ended: Promise<WindowsEnd>;
}

/** A new name for a guard's socket, as short as a session's: the path of a socket has at most 107 bytes. */
export function newTransport(): string {
  return `.wayland-${crypto.randomUUID().slice(0, 8)}`;
}

/** Starts a client, which waits for a session. */
export async function startWaylandClient(
  target: Container,
  wanted:
    & Omit<GuardedWindows, "container">
    & Pick<GuardRequest, "app" | "closesAfterMs" | "takesFiles" | "givesFiles">,
): Promise<WaylandClient> {
  const { host, label: container, crossesNetwork } = target;
  const transport = newTransport();
  const compression: Compression = crossesNetwork ? "zstd" : "none";
  const kept = Promise.withResolvers<string>();
  const started: RunningProcess[] = [];
  await using stack = new AsyncDisposableStack();
  const { shared, path: directory } = stack.use(await makeDirectories(target));
  const listen = socketPath(shared, transport);
  const heard = hearGuard(target);
  const start = async (
    run: StartBox,
    argv: string[],
    { word = kept.promise, line = (line) => host.ui.warn(line) }: {
      word?: Promise<string>;
      line?(line: string): void;
    } = {},
  ): Promise<RunningProcess> => {
    const process = await startReady(host, run, { argv, word, line });
    started.push(process);
    return process;
  };
  const history = guardHistory(target, directory);
  const guard = waylandGuardArgv({ ...wanted, container, compression, listen, directory, history });
  const values = { shared: waypipeBoxPaths.shared, transport, app_id: container, compress: compression };
  const startingBoxes = startBoxes(host, { shared, directory, values, start });
  // The guard removes the directory when it ends, and a box that is just starting needs it.
  const word = Promise.allSettled([startingBoxes]).then(() => kept.promise);
  const startingGuard = start((...given) => launchGuard(host, ...given), guard, { ...heard, word });
  const ready = all([startingBoxes, startingGuard]);
  stack.defer(async () => {
    // Without the word, guard and boxes end with their stdin, even when this run is killed.
    kept.resolve("");
    await ready.catch(() => {});
    await Promise.all(started.map(({ ended }) => ended));
  });
  const ended = ready.then(async ([box, guard]) => {
    guard.ended.then((result) => result.signal && host.ui.warn(whyEnded(result)));
    await Promise.all([box.ended, guard.ended]);
    return heard.windows();
  });
  ended.catch(() => {});
  const resources = stack.move();
  return {
    ready,
    transport,
    socket: listen,
    compress: compression,
    async note(session) {
      const record: SessionRecord = { mounts: target.mounts.directory, container, session };
      const text = JSON.stringify(record);
      // If the session has already ended, the guard has removed the directory.
      await ifThere(writeText(host, join(directory, recordName), { text, mode: 0o600 }));
    },
    keep() {
      kept.resolve(`${keepWord}\n`);
      resources.move();
    },
    ended,
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

/**
 * Starts the box of a session, with a security context if the compositor supports them. Returns that box once it is
 * ready.
 *
 * @param options `shared`: the directory of the sessions' sockets; `directory`: the private directory; `values`: the
 * values of the boxes' scripts; `start`: starts a box, and waits until it is ready
 */
async function startBoxes(
  host: Host,
  { shared, directory, values, start }: {
    shared: string;
    directory: string;
    values: Readonly<Record<string, string>>;
    start(run: StartBox, argv: string[]): Promise<RunningProcess>;
  },
): Promise<RunningProcess> {
  const boxArgv = (name: keyof typeof boxes, display: string): string[] => {
    const { script, own } = boxes[name];
    const limits = { bytes: `${addressSpaceBytes}`, processes: `${processes}` };
    return [
      ...boxStart({ WAYLAND_DISPLAY: waypipeBoxPaths.display, XDG_RUNTIME_DIR: "/tmp" }, [asFirst]),
      ...["--bind", shared, waypipeBoxPaths.shared, "--ro-bind", display, waypipeBoxPaths.display],
      ...["--bind", join(directory, name), own],
      ...["--", "/bin/sh", "-c", withValues(script, { ...values, ...limits, own })],
    ];
  };
  const startBox = await ifInstalled(prepareBoxes(host));
  if (!startBox) throw noWayland("bubblewrap is not installed on this host", { exitCode: ExitCode.missingProgram });
  const compositor = await findCompositor(host);
  const display = await start(startBox, boxArgv("context", compositor)).then(
    () => join(directory, "context/display"),
    (error) => {
      if (error instanceof CannotShow && noContexts.test(error.output)) return compositor;
      throw error;
    },
  );
  const box = await start(startBox, boxArgv("box", display));
  // The guard connects there, where an attacker who takes over waypipe cannot replace them.
  await takeOut(host, { name: "waypipe", directory, kind: "isSocket" });
  await takeOut(host, { name: "alive", directory, kind: "isFifo" });
  return box;
}

/**
 * Errors of waypipe 0.9.2 and 0.11.2 if the compositor lacks security contexts, and of versions before 0.9.0, which
 * lack them.
 */
const noContexts =
  /Security context is not supported|did not provide wp_security_context_manager|unrecognized option '--secctx/;

/** Moves a socket or FIFO that the session's box has made to where no box sees it, and checks its type. */
async function takeOut(
  host: Host,
  { name, directory, kind }: { name: keyof typeof privateNames; directory: string; kind: "isSocket" | "isFifo" },
): Promise<void> {
  const [from, to] = [join(directory, "box", name), join(directory, privateNames[name])];
  await host.change(`mv ${quoteWords([from, to])}`, async () => {
    await Deno.rename(from, to);
    if (!(await Deno.lstat(to))[kind]) throw new Error(`"${to}" is something else`);
  });
}

/** Makes the private directory, which no container sees; `shared` is the directory for the guard's socket. */
async function makeDirectories(
  { host, mounts, crossesNetwork }: Container,
): Promise<AsyncDisposable & { shared: string; path: string }> {
  // Not the run's own directory: guard and boxes may outlive the run, so that a later one has its process's id.
  const made = await makePrivateDirectory(host, `w${crypto.randomUUID().slice(0, 4)}`);
  const shared = crossesNetwork ? join(made.path, "windows") : mounts.sockets;
  const makes = [
    ...crossesNetwork ? [shared] : [],
    ...[...Object.keys(boxes), commandNames.directory].map((name) => join(made.path, name)),
  ];
  await host.change(`mkdir ${quoteWords(makes)}`, async () => {
    for (const path of makes) await Deno.mkdir(path, { mode: 0o700 });
  });
  return { ...made, shared };
}

/**
 * Finds the compositor's socket as libwayland does.
 *
 * @throws {CannotShow} when it does not exist
 */
async function findCompositor(host: Host): Promise<string> {
  const name = host.env("WAYLAND_DISPLAY") ?? "wayland-0";
  const path = name.startsWith("/") ? name : join(host.env("XDG_RUNTIME_DIR") ?? "/", name);
  if (await host.look(true, () => exists(path))) return path;
  throw noWayland(`there is no compositor at "${path}", which $WAYLAND_DISPLAY names`);
}

/**
 * Whether the compositor supports security contexts: makes one, and drops it at once.
 *
 * @throws {CannotShow} when waypipe cannot start, or the compositor does not answer; also as {@linkcode tryBox}
 */
export async function tryContext(host: Host): Promise<boolean> {
  const values = { shared: "/tmp", transport: "trial", app_id: "gui-container", own: "/tmp" };
  const result = await tryBox(host, [
    ...boxStart({ WAYLAND_DISPLAY: waypipeBoxPaths.display, XDG_RUNTIME_DIR: "/tmp" }, [asFirst]),
    ...["--ro-bind", await findCompositor(host), waypipeBoxPaths.display],
    ...["--", "/bin/sh", "-c", withValues(boxes.context.script, values)],
  ]);
  if (result.code === 0) return true;
  const error = endedEarly(result);
  if (noContexts.test(error.output)) return false;
  throw error;
}

/**
 * Starts a box or the guard, and waits until it is ready.
 *
 * @param options `word`: its input; `line`: takes each line that it prints after that
 */
async function startReady(
  host: Host,
  start: StartBox,
  { argv, word, line: said }: { argv: string[]; word: Promise<string>; line(line: string): void },
): Promise<RunningProcess> {
  const ready = Promise.withResolvers<true>();
  let isReady = false;
  const line = (line: string): void => {
    if (isReady) return said(line);
    isReady = line === readyLine;
    if (isReady) ready.resolve(true);
  };
  const started = start(argv, { stdin: { text: word }, output: { line } });
  const telling = setTimeout(() => host.ui.status("Waiting for waypipe to become ready"), patience.tellMs);
  const late = AbortSignal.timeout(patience.limitMs);
  const either = (): Promise<true | ProcessResult> => abortable(Promise.race([ready.promise, started.ended]), late);
  const first = await host.look(true, either).finally(() => clearTimeout(telling)).catch((error) => {
    throw late.aborted ? noWayland("waypipe does not become ready") : error;
  });
  if (first === true) return started;
  throw endedEarly(first);
}

/** The error if Wayland cannot show the request, with `reason` as the end of a sentence: see {@linkcode CannotShow}. */
export function noWayland(
  reason: string,
  options: { exitCode?: number; output?: string; cause?: unknown } = {},
): CannotShow {
  const hint = "Leave out --display wayland, or use --display x11";
  return new CannotShow("Wayland cannot show this", reason, { hint, ...options });
}

/** The error for a box that has ended before it was ready. */
function endedEarly({ stdout, stderr }: ProcessResult): UserError {
  const output = `${stdout}${stderr}`.trim();
  if (/waypipe: (?:command )?not found/.test(output)) {
    return noWayland("waypipe is not installed on this host", { exitCode: ExitCode.missingProgram });
  }
  // Errors of waypipe 0.9.2 and 0.11.2. A crashed compositor leaves its socket behind.
  if (/Failed to connect to the Wayland compositor|ECONNREFUSED/.test(output)) {
    return noWayland("the compositor that $WAYLAND_DISPLAY names does not answer", { output });
  }
  return boxDenied(output) ?? noWayland("waypipe cannot start on this host", { output });
}
