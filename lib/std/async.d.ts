/** The types of what this project uses of `@std/async`; the npm mirror of the same code ships none. */

/** Waits for a promise, and throws the signal's reason when that aborts before. */
export function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T>;

/** Waits. Throws the signal's reason when that aborts. */
export function delay(ms: number, options?: { signal?: AbortSignal }): Promise<void>;

/** Calls `act` for some of the items at once; yields the results in their order. Throws an `AggregateError`. */
export function pooledMap<T, R>(
  limit: number,
  items: Iterable<T>,
  act: (item: T) => Promise<R>,
): AsyncIterableIterator<R>;
