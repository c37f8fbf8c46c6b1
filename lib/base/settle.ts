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
