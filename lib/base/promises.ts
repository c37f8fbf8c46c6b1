/** Promises that run together, one after the other, or once. */

import { pooledMap } from "@std/async";

/**
 * Waits for all promises, even if one rejects, so that what the others made can be undone.
 *
 * @throws the error of the first promise, in their order, that rejects
 */
export async function all<T extends readonly unknown[]>(promises: { [K in keyof T]: Promise<T[K]> }): Promise<T> {
  await Promise.allSettled(promises);
  return await Promise.all(promises) as unknown as T;
}

/**
 * Calls `act` for each item, with at most `atOnce` calls at a time. Makes no further call after an error.
 *
 * @returns the results, in the order of the items
 * @throws the first error, once the calls that had started have ended
 */
export async function mapSome<T, R>(
  items: readonly T[],
  { atOnce, act }: { atOnce: number; act: (item: T) => Promise<R> },
): Promise<R[]> {
  try {
    return await Array.fromAsync(pooledMap(atOnce, items, act));
  } catch (error) {
    throw error instanceof AggregateError ? error.errors[0] : error;
  }
}

/**
 * Makes a queue: a function that calls `act` once the calls before it have ended, even if they failed.
 *
 * @returns a function whose promise settles as that of `act`
 */
export function createQueue(): <T>(act: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (act) => {
    const done = last.then(act);
    last = done.catch(() => {});
    return done;
  };
}

/** A function that calls `act` the first time, and returns the same promise every time. */
export function once<T>(act: () => Promise<T>): () => Promise<T> {
  let result: Promise<T> | undefined;
  return () => result ??= act();
}

/** The same for each `key`. */
export function oncePer<K extends WeakKey, T>(act: (key: K) => Promise<T>): (key: K) => Promise<T> {
  const results = new WeakMap<K, Promise<T>>();
  return (key) => {
    const result = results.get(key) ?? act(key);
    results.set(key, result);
    return result;
  };
}
