/**
 * Seeded randomness for the simulator: a counter that steps by the golden ratio, mixed by the 32-bit finaliser of
 * MurmurHash3 (Austin Appleby, public domain). Whole numbers only, so every machine gets the same sequence.
 */

const goldenStep = 0x9e37_79b9;

function mix(value: number): number {
  let mixed = value ^ (value >>> 16);
  mixed = Math.imul(mixed, 0x85eb_ca6b);
  mixed ^= mixed >>> 13;
  mixed = Math.imul(mixed, 0xc2b2_ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

/** A number from 0 to 2^32 - 1 that stands for the text and the seed. */
export function hashText(text: string, seed = 0): number {
  let hash = mix(seed);
  for (let index = 0; index < text.length; index++) hash = mix(hash ^ text.charCodeAt(index));
  return hash;
}

/** Draws numbers in [0, 1), the same for the same seed; they repeat after 2^32. */
export function createRandom(seed: number): () => number {
  let counter = seed | 0;
  return () => {
    counter = (counter + goldenStep) | 0;
    return mix(counter) / 2 ** 32;
  };
}

/** Draws from nearly a normal distribution of mean 0 and deviation 1 (a sum of four), never beyond 3.5. */
export function drawNormal(random: () => number): number {
  return (random() + random() + random() + random() - 2) * Math.sqrt(3);
}
