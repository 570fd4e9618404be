/**
 * Sends one client the ticks of one symbol that it missed, and lets it join right behind the last of them, so that nothing
 * is missing and nothing comes twice. Paced: no more is written than the connection takes. Keeps SPEC.md [RC1] to [RC4].
 */
import { dayOf, tickRoom, type Position, type Tick } from '../../protocol/index.ts';
import type { Client } from './client.ts';
import type { SymbolStream } from './streams.ts';

/** Ticks that are written at once. */
const maxSlice = 100;

/** The missed ticks up to the symbol's head, to be sent in this very turn or not at all; null where they are not all at hand. */
export function missedUpToHead(
  missed: readonly Tick[] | null,
  [gen, seq]: Position,
  stream: SymbolStream,
): Tick[] | null {
  const head = stream.head()?.seq ?? 0;
  if (missed === null || stream.gen() !== gen || seq > head) return null;
  const ticks = missed.filter((tick) => tick.seq <= head);
  const rest = stream.passedAfter(ticks.at(-1)?.seq ?? seq);
  return rest === null ? null : [...ticks, ...rest];
}

/** The same as one tick at most, of which only what the missed ones led to is known [RT4]; null where the position is none. */
export function missedAsOne([gen, seq]: Position, stream: SymbolStream): Tick[] | null {
  const head = stream.head() ?? null;
  if (stream.gen() !== gen || seq > (head?.seq ?? 0)) return null;
  if (head === null || head.seq === seq) return [];
  const { symbol, price, ts } = head;
  return [{ symbol, price, gen, seq: head.seq, ts, merged: head.seq - seq - 1, day: dayOf(head) }];
}

/**
 * `ticks` are all that was missed behind `position` when the replay was decided on, in the order of their seq; what
 * passed since is asked of `stream`.
 */
export interface ReplayOptions {
  socket: Pick<Client, 'connected' | 'join'>;
  symbol: string;
  position: Position;
  ticks: readonly Tick[];
  stream: SymbolStream;
  /** Whether the client is gone, or is to get nothing more. */
  isOver: () => boolean;
  /** Writes ticks in this turn; resolves when the client may be given more. */
  write: (ticks: readonly Tick[]) => Promise<void>;
  /** Sends the symbol's quote instead, because ticks went while these were written. */
  sendSnapshot: (reason: 'gap' | 'generation') => void;
}

/** Resolves when the client has joined and may be given more, or is gone. It joins before this returns where few are missed. */
export async function replay(options: ReplayOptions): Promise<void> {
  const { socket, symbol, position, ticks, stream, isOver, write, sendSnapshot } = options;
  const [gen, from] = position;
  let room: Promise<void> | null = null;
  for (let start = 0; start < ticks.length; start += maxSlice) {
    if (room !== null) await room;
    if (isOver()) return;
    room = write(ticks.slice(start, start + maxSlice));
  }
  if (isOver()) return;
  const last = ticks.at(-1)?.seq ?? from;
  const passed = stream.gen() === gen ? stream.passedAfter(last) : null;
  if (passed === null) sendSnapshot(stream.gen() === gen ? 'gap' : 'generation');
  else if (passed.length > 0) room = write(passed);
  void socket.join(tickRoom(symbol));
  await room;
}
