/** Chance that can be repeated: numbers from a seed. */

/** A source of chance. */
export interface Chance {
  /** A whole number from 0 to below `limit`. */
  below(limit: number): number;
  /** Whether something with this probability happens. */
  happens(probability: number): boolean;
  /** One of these. */
  oneOf<T>(items: readonly T[]): T;
}

/** Chance from a seed, by mulberry32: the same seed gives the same numbers. */
export function chanceFrom(seed: number): Chance {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (limit: number): number => Math.floor(next() * limit);
  return { below, happens: (probability) => next() < probability, oneOf: (items) => items[below(items.length)]! };
}
