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
