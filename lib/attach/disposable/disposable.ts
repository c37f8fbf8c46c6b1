/** Makes a disposable copy of a container, runs an app in it, and removes it. */

import { delay } from "@std/async";
import { holdFiles } from "./lent_files.ts";
import { makeDisposable, requireOrigin } from "./make_disposable.ts";
import { causedBy, UserError } from "../../base/errors.ts";
import { all } from "../../base/promises.ts";
import { endOfRun } from "../../base/undo.ts";
import { findLeftovers, removeDisposable, removeDisposables } from "../../container/disposables.ts";
import { openHistory } from "../../container/history.ts";
import { borderOf } from "../../container/border.ts";
import type { Container } from "../../container/container.ts";
import { containerAt } from "../../container/resolve.ts";
import type { Instance } from "../../engine/engine.ts";
import { isStartFailure, maxStarts, startPauseMs } from "../../engine/lifecycle.ts";
import type { StartRequest } from "../../settings/request.ts";
import { withDisplay } from "../choose_display.ts";

/** How many copies of a container may be in use when another one is made to open something. */
const maxDisposablesForOpening = 8;

/**
 * Runs an app in a disposable copy of a container, and removes the copy when the app or the run ends. First removes
 * what killed runs have left.
 *
 * @returns the exit code
 */
export async function runDisposable(container: Container, request: StartRequest): Promise<number> {
  const { host, name: source } = container;
  const { app, files: paths = [] } = request;
  using files = await holdFiles(host, paths);
  // Checks everything that can be known before the copy is made.
  const [display, origin] = await all([
    withDisplay(container, request, (display) => Promise.resolve(display)),
    requireOrigin(host, container),
    files.check(container.engine),
  ]);
  const border = await borderOf(container, request.border);
  const leftovers = await findLeftovers(host);
  if (leftovers.length > 0) await (await import("../../container/lend/recover.ts")).recoverFrom(host, leftovers);
  await removeDisposables(host, leftovers);
  const useOnce = async (): Promise<number> => {
    const lend = (copy: Instance): Promise<void> => files.lend(copy, origin.user);
    // A container may open one thing after the other.
    const max = request.isOpening ? maxDisposablesForOpening : undefined;
    // allSettled, since nobody awaits these if the copy fails.
    const meanwhile = (): unknown => Promise.allSettled([display.prepare?.(host), import("../start.ts")]);
    const copy = await makeDisposable(host, container, { origin, lend, max, meanwhile });
    const { name, address, made } = copy;
    const { keptAs } = container.history;
    const history = openHistory(host, keptAs && { ...keptAs, copy: name });
    made.then(() => {
      for (const path of paths) history.add({ kind: "file", what: "lent", path, readOnly: true });
    }, () => {});
    try {
      host.ui.status(
        `"${address.label}" is a copy of "${container.label}": all that is in it is deleted when the app ends`,
      );
      // A dry run prints one step after the other.
      await host.look<unknown>(made, () => Promise.resolve());
      await using disposable = await containerAt(host, address, { history, made, preload: display.preload });
      const words = [...app, ...files.pathsFor(origin.user)];
      const { start } = await import("../start.ts");
      return await start(disposable, { ...request, border, app: words, isDisposable: true });
    } catch (error) {
      throw withoutCopy(error, name, source);
    } finally {
      await made.catch(() => {});
      await endOfRun(host, removeDisposable(host, copy));
      await history.written();
      if (history.keptAs) host.ui.status(`"${address.label}" is gone. It had ${history.summary()}`);
    }
  };
  for (let tries = 1;; tries++) {
    try {
      return await useOnce();
    } catch (error) {
      if (!isStartFailure(error) || tries === maxStarts) throw error;
      await delay(startPauseMs, { signal: host.signal });
    }
  }
}

/**
 * Removes from an error the advice about a copy that no longer exists. The end of the hint, on what the app needs,
 * stays: it also applies to the source.
 */
export function withoutCopy(error: unknown, copy: string, source: string): unknown {
  if (!(error instanceof UserError) || !error.hint.includes(copy)) return error;
  const parts = error.hint.split("; ");
  const needs = parts.slice(parts.findLastIndex((part) => part.includes(copy)) + 1);
  const look = `The copy is removed, and its logs with it. For a longer look, run the app in "${source}" itself`;
  return new UserError(error.message, {
    hint: [look, ...needs].join("; "),
    exitCode: error.exitCode,
    ...causedBy(error),
  });
}
