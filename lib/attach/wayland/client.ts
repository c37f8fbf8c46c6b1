/**
 * Shows a session on a Wayland compositor by waypipe, which passes the app's own protocol on to the compositor. It runs
 * in a box, with a socket of the compositor's at which screen capture, typing, clipboard managers and the like are not
 * to be had. So whoever takes it over is no more than an untrusted client. Where the compositor's own socket has them,
 * another waypipe, in another box, which reads nothing of the container's, makes a security context: a socket for
 * untrusted clients.
 */

import { join } from "@std/path";
import makeContext from "./make_context.sh" with { type: "text" };
import showSession from "./show_session.sh" with { type: "text" };
import { ExitCode, ProcessError, type ProcessResult, UserError } from "../../base/errors.ts";
import type { Host } from "../../base/host.ts";
import type { RunningProcess } from "../../base/process.ts";
import { quoteWords, withValues } from "../../base/shell_words.ts";
import type { Container } from "../../container/container.ts";
import { boxStart, prepareBoxes, type StartBox } from "../x11/box.ts";
import { NoWayland } from "./choice.ts";
import { globalsIn, hasContexts, strangeGlobals } from "./globals.ts";

/** How long a box may take until it is ready, in milliseconds. */
const readyMs = 5_000;

/**
 * How much address space a connection may take, in bytes. waypipe maps what an app calls its pictures' memory twice,
 * used or not: foot 1.21 has 512 MiB for each window.
 */
const bytes = 8 * 2 ** 30;

/** How many processes there may be in a box. Each app has a connection, and few have two. */
const processes = 64;

/** What the boxes see. */
const paths = {
  /** The directory of the sessions' sockets. */
  shared: "/run/gui-container/shared",
  /** The compositor's socket for the container's apps; in the box that makes a context, the one for all others. */
  display: "/run/gui-container/display",
  /** In the box that makes a context: the private directory. */
  private: "/tmp",
} as const;

/** bubblewrap's option by which the box ends with its script, whatever else still runs in it. */
const asFirst = "--as-pid-1";

/**
 * How waypipe compresses what it sends: both ends have to agree. On one machine that only costs time. Debian 13's
 * waypipe (0.9.2) has both lz4 and zstd.
 */
export type Compression = "none" | "zstd";

/** A client that listens. It ends with the scope of this value, unless `keep` was called. */
export interface WaylandClient extends AsyncDisposable {
  /** The base name of the socket in the directory of the sessions' sockets. The session gives it its own name. */
  transport: string;
  /** The path of that socket. */
  socket: string;
  /** How what the session sends is to be compressed. */
  compress: Compression;
  /** Lets the client live for as long as the session, even if this run ends. */
  keep(): void;
  /** How it ended. */
  ended: Promise<ProcessResult>;
}

/**
 * Starts a client, which then waits for a session.
 *
 * @throws {NoWayland} when the compositor or waypipe cannot do it
 */
export async function startWaylandClient(target: Container): Promise<WaylandClient> {
  const { host, label: container } = target;
  const transport = `.wayland-${crypto.randomUUID()}`;
  const kept = Promise.withResolvers<string>();
  const compositor = compositorSocket(host);
  if (host.dryRun) return plannedClient(target, { transport, compositor });
  const needsContext = await lacksSafety(host, compositor);
  const boxes: RunningProcess[] = [];
  await using stack = new AsyncDisposableStack();
  stack.defer(async () => {
    // Without the word, the boxes end when their input does: also when this run is killed.
    kept.resolve("");
    await Promise.all(boxes.map(({ ended }) => ended));
  });
  const directories = await makeDirectories(target);
  const shared = directories.shared;
  const startBox = await boxesFor(host);
  const start = async (argv: string[]): Promise<void> =>
    void boxes.push(await startReadyBox(startBox, argv, kept.promise));
  const display = needsContext ? join(directories.private, "display") : compositor;
  if (needsContext) {
    await start(contextArgv({ container, shared, transport, compositor }, directories.private));
    const strange = strangeGlobals(await listGlobals(host, display));
    if (strange.length > 0) throw privileged("even in a security context,", strange);
  }
  const compress = compressionFor(target);
  await start(showArgv({ container, shared, transport, display, compress }));
  const resources = stack.move();
  return {
    transport,
    socket: join(shared, transport),
    compress,
    keep() {
      kept.resolve("keep\n");
      resources.move();
    },
    ended: boxes.at(-1)!.ended,
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

function compressionFor({ crossesNetwork }: Container): Compression {
  return crossesNetwork ? "zstd" : "none";
}

/** The directories of the boxes. */
interface Directories {
  /** Has the socket at which the session's waypipe arrives. */
  shared: string;
  /** Is seen by the first box only. */
  private: string;
}

async function makeDirectories({ host, directory, sharedSockets }: Container): Promise<Directories> {
  const privateDirectory = await directory();
  // Neither box sees the private directory itself, with the socket of ssh's master.
  const made = { shared: join(privateDirectory, "windows"), private: join(privateDirectory, "context") };
  await host.change(`mkdir ${quoteWords(Object.values(made))}`, async () => {
    for (const path of Object.values(made)) await Deno.mkdir(path, { mode: 0o700 });
  });
  return { ...made, shared: sharedSockets ?? made.shared };
}

/** The path of the compositor's socket, as libwayland finds it. */
function compositorSocket(host: Host): string {
  const name = host.env("WAYLAND_DISPLAY") ?? "wayland-0";
  return name.startsWith("/") ? name : join(host.env("XDG_RUNTIME_DIR") ?? "/", name);
}

/** The command line of the box that makes the security context. */
function contextArgv(
  { container, shared, transport, compositor }: {
    container: string;
    shared: string;
    transport: string;
    compositor: string;
  },
  privateDirectory: string,
): string[] {
  const values = { shared: paths.shared, transport, app_id: container, private: paths.private };
  return [
    ...boxStart({ WAYLAND_DISPLAY: paths.display, XDG_RUNTIME_DIR: paths.private }, [asFirst]),
    ...["--bind", shared, paths.shared, "--ro-bind", compositor, paths.display],
    ...["--bind", privateDirectory, paths.private],
    ...["--", "/bin/sh", "-c", withValues(makeContext, values)],
  ];
}

/** The command line of the box that shows the session. */
function showArgv(
  { container, shared, transport, display, compress }: {
    container: string;
    shared: string;
    transport: string;
    display: string;
    compress: Compression;
  },
): string[] {
  const values = {
    shared: paths.shared,
    transport,
    title: `[${container}] `,
    bytes: `${bytes}`,
    processes: `${processes}`,
    compress,
  };
  return [
    ...boxStart({ WAYLAND_DISPLAY: paths.display, XDG_RUNTIME_DIR: "/tmp" }, [asFirst]),
    ...["--bind", shared, paths.shared, "--ro-bind", display, paths.display],
    ...["--", "/bin/sh", "-c", withValues(showSession, values)],
  ];
}

async function boxesFor(host: Host): Promise<StartBox> {
  try {
    return await prepareBoxes(host);
  } catch (error) {
    if (!(error instanceof UserError && error.exitCode === ExitCode.missingProgram)) throw error;
    throw new NoWayland("bubblewrap is not installed on this host", { exitCode: ExitCode.missingProgram });
  }
}

/** Starts a box, and waits until it is ready. Ctrl-C is no reason for windows to close. */
async function startReadyBox(startBox: StartBox, argv: string[], kept: Promise<string>): Promise<RunningProcess> {
  const ready = Promise.withResolvers<true>();
  const give = Promise.withResolvers<string>();
  kept.then(give.resolve);
  const box = startBox(argv, {
    stdin: { later: give.promise },
    output: { line: (line) => line === "ready" && ready.resolve(true) },
  });
  const timer = Promise.withResolvers<"late">();
  const timeout = setTimeout(() => timer.resolve("late"), readyMs);
  const first = await Promise.race([ready.promise, timer.promise, box.ended]);
  clearTimeout(timeout);
  if (first === true) return box;
  give.resolve("");
  if (first === "late") throw new NoWayland("waypipe does not become ready");
  throw endedEarly(first);
}

/** Why a box has ended before it was ready. */
function endedEarly({ stdout, stderr }: ProcessResult): NoWayland {
  const output = `${stdout}${stderr}`.trim();
  if (/waypipe: (?:command )?not found/.test(output)) {
    return new NoWayland("waypipe is not installed on this host", { exitCode: ExitCode.missingProgram });
  }
  if (/(?:unrecognized|unexpected|invalid).*secctx/.test(output)) {
    return new NoWayland("this host's waypipe is older than 0.9.0");
  }
  return new NoWayland("waypipe cannot start on this host", { output });
}

/**
 * Whether the compositor gives something privileged to every client at this socket of its own, and can hide it in a
 * security context. How much it hides is to be looked at there: KWin 6.3 leaves the clipboard managers' protocol.
 *
 * @throws {NoWayland} when it can hide nothing, or when that cannot be found out
 */
async function lacksSafety(host: Host, socket: string): Promise<boolean> {
  const globals = await listGlobals(host, socket);
  const strange = strangeGlobals(globals);
  if (strange.length === 0) return false;
  if (hasContexts(globals)) return true;
  throw privileged("which has no security contexts (security-context-v1),", strange);
}

function privileged(where: string, strange: readonly string[]): NoWayland {
  return new NoWayland(`the compositor, ${where} gives every client ${strange.slice(0, 5).join(", ")}`);
}

/** What the compositor offers at a socket. */
async function listGlobals(host: Host, socket: string): Promise<string[]> {
  const options = { looksOnly: true, timeoutMs: readyMs, env: { WAYLAND_DISPLAY: socket } };
  const unknown = (why: string): NoWayland => new NoWayland(`it is not known what the compositor offers: ${why}`);
  try {
    const globals = globalsIn((await host.run(["wayland-info"], options)).stdout);
    if (globals.length > 0) return globals;
  } catch (error) {
    if (!(error instanceof UserError || error instanceof ProcessError)) throw error;
    throw unknown(error.message);
  }
  throw unknown("wayland-info prints no globals");
}

/** For a dry run, which does not look at the compositor: prints the command lines of both boxes. */
async function plannedClient(
  target: Container,
  { transport, compositor }: { transport: string; compositor: string },
): Promise<WaylandClient> {
  const { host, label: container } = target;
  const { shared, private: directory } = await makeDirectories(target);
  const display = `${directory}/display`;
  const compress = compressionFor(target);
  const boxes = [
    { argv: contextArgv({ container, shared, transport, compositor }, directory), made: display },
    { argv: showArgv({ container, shared, transport, display, compress }), made: join(shared, transport) },
  ];
  for (const { argv, made } of boxes) {
    const wait = `until [ -S ${quoteWords([made])} ]; do sleep 0.1; done; sleep 0.1`;
    await host.change(`echo keep | ${quoteWords(argv)} & ${wait}`, () => Promise.resolve());
  }
  return {
    transport,
    socket: join(shared, transport),
    compress,
    keep() {},
    ended: Promise.resolve({ argv: [], code: 0, signal: null, stdout: "", stderr: "" }),
    async [Symbol.asyncDispose]() {
      // The session ends these boxes, unless it is on another machine.
      if (target.sharedSockets !== undefined) return;
      await host.change(`: >${quoteWords([join(shared, `${transport}~end`)])}`, () => Promise.resolve());
    },
  };
}
