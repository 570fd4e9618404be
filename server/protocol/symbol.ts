/** What a symbol looks like, and the name of its room. SPEC.md [S1], [S2]. */
import { limits } from './limits.ts';

/** Checked before the case is changed: some letters that are no ASCII have ASCII capitals. */
const pattern = /^[A-Za-z0-9]{1,16}([-./][A-Za-z0-9]{1,16})?$/;

/** Gives the symbol in its one spelling (upper case), or null where the text is no symbol. */
export function parseSymbol(text: string): string | null {
  if (text.length > limits.maxSymbolLength) return null;
  return pattern.test(text) ? text.toUpperCase() : null;
}

const prefix = 'tick:';

/** The Socket.IO room of everyone who gets each tick of the symbol. */
export function tickRoom(symbol: string): string {
  return prefix + symbol;
}

/** The symbol whose tick room this is, or null for any other room. */
export function symbolOfRoom(room: string): string | null {
  return room.startsWith(prefix) ? room.slice(prefix.length) : null;
}
