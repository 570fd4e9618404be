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
const tierMark = '@';

/** The Socket.IO room of everyone who gets the symbol's ticks at that rate; 0 is each tick. */
export function tickRoom(symbol: string, everyMs = 0): string {
  return everyMs === 0 ? prefix + symbol : `${prefix}${symbol}${tierMark}${everyMs}`;
}

/** Whether it is the room of a symbol's ticks, at whatever rate. */
export function isTickRoom(room: string): boolean {
  return room.startsWith(prefix);
}

/** The symbol whose ticks go to this room, at whatever rate, or null for any other room. */
export function symbolOfRoom(room: string): string | null {
  if (!room.startsWith(prefix)) return null;
  const mark = room.indexOf(tierMark);
  return room.slice(prefix.length, mark === -1 ? undefined : mark);
}

/** The rate of a tick room in milliseconds: 0 where it gets each tick, null for any other room. */
export function tierOfRoom(room: string): number | null {
  if (!room.startsWith(prefix)) return null;
  const mark = room.indexOf(tierMark);
  return mark === -1 ? 0 : Number(room.slice(mark + 1));
}
