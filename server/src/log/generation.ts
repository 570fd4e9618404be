/** The token of one life of a store: random, so that no two lives can ever be taken for each other. */
import { randomInt } from 'node:crypto';

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
const length = 6;

/** A fresh generation: 6 characters of A-Z, a-z and 0-9, from the system's random source. */
export function makeGeneration(): string {
  return Array.from({ length }, () => alphabet[randomInt(alphabet.length)]).join('');
}
