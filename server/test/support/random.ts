/** Random numbers that a seed repeats. A test that uses them prints the seed. */
import { randomInt } from 'node:crypto';

/** A stream of numbers that its seed repeats. `pick` throws where there is nothing to pick from. */
export interface Random {
  readonly seed: number;
  /** In [0, 1). */
  random(): number;
  /** One of them. */
  pick<T>(from: readonly T[]): T;
}

/** mulberry32; by default with a seed of its own. */
export function createRandom(seed: number = randomInt(1, 1_000_000)): Random {
  let state = seed >>> 0;
  function random(): number {
    state = (state + 0x6d_2b_79_f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  }
  return {
    seed,
    random,
    pick: (from) => {
      const picked = from[Math.floor(random() * from.length)];
      if (picked === undefined) throw new Error('nothing to pick from');
      return picked;
    },
  };
}
