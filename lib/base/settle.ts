/** Work that goes on side by side, and is over as a whole. */

/**
 * Waits for all promises, even if one rejects: by then, what the others made can be undone.
 *
 * @throws the error of the first promise, in their order, that rejects
 */
export async function all<T extends readonly unknown[]>(promises: { [K in keyof T]: Promise<T[K]> }): Promise<T> {
  await Promise.allSettled(promises);
  return await Promise.all(promises) as unknown as T;
}

/**
 * Calls `act` for each of the items, for some of them at once. After an error it is called for no other item.
 *
 * @returns the results, in the order of the items
 * @throws the first error, when what was going on is over
 */
export async function mapSome<T, R>(
  items: readonly T[],
  { atOnce, act }: { atOnce: number; act: (item: T) => Promise<R> },
): Promise<R[]> {
  const results: R[] = [];
  const waiting = [...items.entries()];
  let hasFailed = false;
  const work = async (): Promise<void> => {
    for (let next; !hasFailed && (next = waiting.shift()) !== undefined;) {
      const [index, item] = next;
      results[index] = await act(item).catch((error) => {
        hasFailed = true;
        throw error;
      });
    }
  };
  await all(Array.from({ length: Math.min(atOnce, items.length) }, work));
  return results;
}

/** Waits for a promise; undefined when `signal` aborts before. */
export async function orInterrupted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  const { promise: interrupted, resolve } = Promise.withResolvers<undefined>();
  const stop = (): void => resolve(undefined);
  signal.addEventListener("abort", stop, { once: true });
  if (signal.aborted) stop();
  try {
    return await Promise.race([promise, interrupted]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}
