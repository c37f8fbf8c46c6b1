/** Starts xpra's client on the host, in its box and behind its guard. */

import repairXpra from "./repair_xpra.py" with { type: "text" };
import { ifInstalled, type ProcessResult, UserError } from "../../base/errors.ts";
import { all } from "../../base/promises.ts";
import { endProcess } from "../../base/process.ts";
import { installHint } from "../../base/programs.ts";
import type { Container } from "../../container/container.ts";
import { boxedArgv, prepareBoxes, pythonModule } from "../box/box.ts";
import type { WindowsOptions } from "../display/display.ts";
import type { ClientGuard } from "./guard.ts";
import type { XScreen } from "./screen.ts";
import { clientArgv, clientEnvironment } from "./xpra.ts";
import { dirname, join } from "@std/path";

/**
 * How long a new client is not killed, in milliseconds. bubblewrap leaves a process behind forever if it is killed
 * while it makes the box (0.12.0), which takes some ten milliseconds.
 */
const boxingMs = 250;

export interface ClientOptions extends Pick<WindowsOptions, "open" | "border" | "userOptions" | "box"> {
  container: Container;
  /** The guard, which the run's clients share. */
  guard: ClientGuard;
  screen: XScreen;
}

export interface ClientResult extends ProcessResult {
  /** Whether it was attached to a session. */
  wasAttached: boolean;
  /** Why the guard disconnected it, in one line; undefined if it did not. */
  reason: string | undefined;
}

/** A running client. It ends with this value's scope, and with the run. */
export interface Client extends AsyncDisposable {
  /** Connects the client to a session. If the container has replaced the session's socket, the client ends. */
  show(session: string): Promise<void>;
  /** How it ended. Never rejects. */
  ended: Promise<ClientResult>;
}

/**
 * Starts a client, which loads and waits until `show` connects it to a session. xpra 6.5.5 takes 1.3 s to connect, of
 * which it sleeps 1 s; meanwhile the session is started or found.
 */
export async function startClient(options: ClientOptions): Promise<Client> {
  const { container, open, guard, border, userOptions, screen, box } = options;
  const { host } = container;
  await using stack = new AsyncDisposableStack();
  let wasAttached = false;
  const directory = dirname(guard.socket);
  await host.look(undefined, () => Deno.writeTextFile(join(directory, pythonModule), repairXpra));
  const isShared = await host.look(false, () => !container.crossesNetwork);
  const pixels = isShared ? stack.use(await makePixels(container, directory, pixelsBytes(screen))) : undefined;
  const listening = guard.expect({
    clientHello: () => pixels?.share(),
    serverHello() {
      wasAttached = true;
      pixels?.hide();
    },
  });
  const [startBox] = await all([box ? ifInstalled(prepareBoxes(host)) : Promise.resolve(undefined), listening]);
  if (box && !startBox) {
    const line =
      'xpra\'s client runs without a sandbox, with all of your permissions. The program "bwrap" is not installed';
    host.ui.warn(`${line}. ${installHint("bwrap")}`, { security: true });
  }
  const env = clientEnvironment(crypto.randomUUID());
  const argvFor = (paths: { socket: string; pixels: string | undefined }): string[] =>
    clientArgv({ ...paths, open, dpi: screen.dpi, border, userOptions });
  host.signal.throwIfAborted();
  // No await from here to the listener: a signal in between would leave the client running. Detached, so that Ctrl-C in
  // the terminal does not reach it: with that signal and ours, xpra 6.5.5 sometimes hangs.
  const paths = { socket: guard.socket, pixels: pixels?.path };
  // The container influences what the client prints, and how much: only the end is kept.
  const output = { line: () => {} };
  const client = startBox
    ? startBox(boxedArgv(argvFor, { ...paths, env, hostEnv: host.env }), { output })
    : host.start(argvFor(paths), { detached: true, output, env: { ...env, PYTHONPATH: directory } });
  let killing: ReturnType<typeof setTimeout> | undefined;
  let isOver = false;
  const startedMs = performance.now();
  const end = (): void => {
    const restMs = box ? Math.max(0, startedMs + boxingMs - performance.now()) : 0;
    killing ??= setTimeout(() => endProcess(client), restMs);
  };
  host.signal.addEventListener("abort", end, { once: true });
  const resources = stack.move();
  const ended = client.ended.then(async (result): Promise<ClientResult> => {
    isOver = true;
    host.signal.removeEventListener("abort", end);
    clearTimeout(killing);
    const reason = await guard.over();
    await resources.disposeAsync();
    return { ...result, wasAttached, reason };
  });
  return {
    async show(name) {
      if (isOver) return;
      try {
        await container.socket(name);
        guard.say("session");
      } catch (error) {
        if (error instanceof UserError) throw error;
        // The client then ends with this reason.
        guard.say("refuse", (error as Error).message);
      }
    },
    ended,
    async [Symbol.asyncDispose]() {
      if (!isOver) end();
      await ended;
    },
  };
}

/**
 * The size of the file for pixels: a ring buffer for eight pictures of the screen. xpra accepts no less than 64 MiB
 * (6.5.5), and its default of 2 GiB only fills memory and disk.
 */
function pixelsBytes({ width, height }: XScreen): number {
  const MiB = 2 ** 20;
  return Math.min(Math.max(8 * 4 * width * height, 64 * MiB), 256 * MiB);
}

/** The file for pixels, which is removed at the end of this value's scope. */
interface Pixels extends AsyncDisposable {
  /** Its path here; its base name is the same in the container. */
  path: string;
  /** Moves it to where the container can open it, after the client has opened it. */
  share(): void;
  /** Removes it from there, after both ends have opened it. */
  hide(): Promise<void>;
}

/**
 * Makes the file for pixels.
 *
 * The container must be able to open it, so it is made in the shared directory, where it inherits the right ACL. There
 * the container could replace it by a link to another file. So it is moved to the private directory, checked to be the
 * same file, opened by the client, and only then moved back. It never has two names: xpra 6.6's server refuses files
 * with several links.
 */
export async function makePixels({ mounts }: Container, directory: string, bytes: number): Promise<Pixels> {
  const name = `.pixels-${crypto.randomUUID()}`;
  const shared = join(mounts.sockets, name);
  const path = join(directory, name);
  await using stack = new AsyncDisposableStack();
  const hide = (): Promise<void> => Deno.remove(shared).catch(() => {});
  stack.defer(hide);
  stack.defer(() => Deno.remove(path).catch(() => {}));
  using file = await Deno.open(shared, { read: true, write: true, createNew: true, mode: 0o660 });
  await file.truncate(bytes);
  await Deno.rename(shared, path);
  const [made, moved] = [await file.stat(), await Deno.lstat(path)];
  if (!moved.isFile || moved.ino !== made.ino || moved.dev !== made.dev) {
    throw new Error(`"${shared}" was replaced while it was being made`);
  }
  return Object.assign(stack.move(), { path, hide, share: () => Deno.renameSync(path, shared) });
}
