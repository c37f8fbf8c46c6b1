/** Watches a transfer: shows the user how far it is, and ends it when it stalls. */

import { format } from "@std/fmt/bytes";
import { UserError } from "../../base/errors.ts";
import type { Host } from "../../base/host.ts";

/** A size as it is shown, such as `3.1 MiB`. */
export function formatSize(bytes: number): string {
  return format(bytes, { binary: true });
}

/** How long a transfer takes before the user sees how far it is, in milliseconds. */
const silentMs = 1_000;

/** How often that is shown, in milliseconds. */
const showMs = 200;

/** A transfer is given up when it moves less than this within a minute, in bytes. */
const minBytes = 2 ** 17;

/** A transfer in progress. It ends with the scope of this value. */
export interface TransferWatch extends Disposable {
  readonly signal: AbortSignal;
  /** Sets how many bytes are to be moved in all. */
  expect(total: number): void;
  moved(count: number): void;
}

/**
 * Watches a transfer.
 *
 * @param options `what` completes the line `WHAT: 3.1 MiB of 10.0 MiB, 4 s`; `stalledMs`: the time within which
 * something must move, in milliseconds
 */
export function watchTransfer(
  host: Host,
  { what, stalledMs = 60_000 }: { what: string; stalledMs?: number },
): TransferWatch {
  const stalled = new AbortController();
  const start = performance.now();
  let total: number | undefined;
  let [moved, movedBefore, shownAt] = [0, 0, 0];
  const timer = setInterval(() => {
    if (moved - movedBefore < minBytes) {
      stalled.abort(
        new UserError(`${what}: nothing moves any more, after ${formatSize(moved)}`, {
          hint: "See whether the container and the network still answer, then try it again",
        }),
      );
    }
    movedBefore = moved;
  }, stalledMs);
  const line = (now: number): string => {
    const all = total === undefined ? "" : ` of ${formatSize(total)}`;
    return `${what}: ${formatSize(moved)}${all}, ${((now - start) / 1000).toFixed(0)} s`;
  };
  return {
    signal: stalled.signal,
    expect(count) {
      total = count;
    },
    moved(count) {
      moved += count;
      const now = performance.now();
      if (now - start < silentMs || now - shownAt < showMs) return;
      shownAt = now;
      host.ui.progress(line(now), { plain: "" });
    },
    [Symbol.dispose]() {
      clearInterval(timer);
      const now = performance.now();
      if (now - start >= silentMs) host.ui.status(line(now));
    },
  };
}
