/**
 * The life of a disposable container: it is made, or a spare one that waits is taken; it is used and removed; and a new
 * spare one is made for the next run.
 */

import { holdFiles } from "./lent_files.ts";
import { findOrigin, makeCopy, makeSpare, type Origin } from "./make_copy.ts";
import { ExitCode, ProcessError, UserError } from "../../base/errors.ts";
import { all } from "../../base/settle.ts";
import { type Copy, findFreeCopies, removeCopies, removeCopy } from "../../container/copies.ts";
import { type Container, containerOn } from "../../container/container.ts";
import type { Engine } from "../../engine/engine.ts";
import { isStartFailure, listInstances } from "../../engine/instance.ts";
import { serverRecord } from "../../engine/server_record.ts";
import type { DisposableRequest } from "../request.ts";
import { requireDisplay } from "../x11/screen.ts";
import { start } from "../start.ts";
import { againstWayland, NoWayland } from "../wayland/choice.ts";

/** How long a run leaves the machine to its app before it makes a spare copy, in milliseconds. */
const renewAfterMs = 5_000;

/**
 * Runs an app in a disposable copy of a container, and removes the copy when the app ends, or the run. First removes
 * what killed runs have left.
 *
 * @returns the exit code
 */
export async function runDisposable(container: Container, request: DisposableRequest): Promise<number> {
  const { host, name: source } = container;
  const { display, app } = request;
  using files = await holdFiles(host, request.files);
  // What can be known before the copy is made.
  const against = againstWayland(host, request);
  if (display === "x11" || against !== undefined) {
    if (display === "wayland") throw new NoWayland(against!, { exitCode: ExitCode.usage });
    requireDisplay(host, host.env("WAYLAND_DISPLAY") ? against : undefined);
  }
  const engine = await container.engine;
  const { cli, server } = engine;
  const [origin, instances] = await all([
    findOrigin(engine, source),
    listInstances(engine),
    files.check(engine),
  ]);
  const { leftovers, spare, needsSpare } = await findFreeCopies(
    host,
    request.spare ? { engine: cli, server: serverRecord(server), source, recipe: origin.recipe } : undefined,
  );
  // It is not there if somebody has removed it by the engine's own commands.
  const waits = instances.some(({ name }) => name === spare?.name);
  if (spare && !waits) leftovers.push(spare);
  await removeCopies(host, leftovers);
  const renewal = needsSpare && !host.dryRun ? renewSpare(engine, origin) : undefined;
  const useOnce = async (waiting: Copy | undefined): Promise<number> => {
    const copy = waiting ?? await makeCopy(engine, origin);
    try {
      // Whoever reaches the copy starts or wakes it. Files can be put into it before that (LXD 5.0.2, Incus 6.0.4).
      await files.lend(engine, copy.name, origin.user);
      host.ui.status(
        `"${copy.name}" is a copy of "${source}": all that is in it is deleted when its last window closes`,
      );
      renewal?.start();
      await using disposable = await containerOn(engine, copy.name);
      const words = [...app, ...files.pathsFor(origin.user)];
      return await start(disposable, { ...request, app: words, isDisposable: true });
    } catch (error) {
      throw withoutCopy(error, copy.name, source);
    } finally {
      await removeCopy(host, copy);
    }
  };
  try {
    return await useOnce(waits ? spare : undefined).catch(async (error) => {
      if (!isStartFailure(error)) throw error;
      return await useOnce(undefined);
    });
  } finally {
    await renewal?.end();
  }
}

/** An error without advice on a copy that is gone. */
function withoutCopy(error: unknown, copy: string, source: string): unknown {
  if (!(error instanceof UserError) || !error.hint.includes(copy)) return error;
  return new UserError(error.message, {
    hint: `The copy is removed, and its logs with it. For a longer look, run the app in "${source}" itself`,
    exitCode: error.exitCode,
    output: error.output,
    cause: error,
  });
}

/** A spare copy that is made while the app runs, or at the end of the run. */
interface Renewal {
  /** Starts making it soon. */
  start(): void;
  /** Returns when it is made, or when it is clear that it will not be. */
  end(): Promise<void>;
}

/** Makes a spare copy beside other work. A failure is only a warning. After a signal, none is made. */
function renewSpare(engine: Engine, origin: Origin): Renewal {
  const { host } = engine;
  const due = Promise.withResolvers<void>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isOver = false;
  const made = due.promise.then(async () => {
    if (host.signal.aborted) return;
    if (isOver) host.ui.progress("Making a spare copy for the next time");
    await makeSpare(engine, origin);
  }).catch((error) => {
    if (host.signal.aborted) return;
    if (!(error instanceof UserError || error instanceof ProcessError)) throw error;
    host.ui.warn(`No spare copy could be made: ${error.message}`);
  });
  return {
    start: () => void (timer = setTimeout(due.resolve, renewAfterMs)),
    async end() {
      clearTimeout(timer);
      isOver = true;
      due.resolve();
      await made;
    },
  };
}
