/** What a session needs of the fan-out stage, which keeps a stream for each symbol on this replica. Types alone. */
import type { Position, Quote, Tick } from '../../protocol/index.ts';
import type { PlainSocket } from './plain-socket.ts';

/** One symbol's stream on this replica. */
export interface SymbolStream {
  /** Resolves when `head()` is known; rejects when it cannot be known now. */
  ready(): Promise<void>;
  /** The last quote let pass; null for a symbol without a price, `undefined` while unknown. */
  head(): Quote | null | undefined;
  gen(): string | null;
  /** The ticks let pass after that seq of the current generation, or null where they are not all at hand. */
  passedAfter(seq: number): Tick[] | null;
}

/** The streams of all symbols, and the way of their ticks to one client. */
export interface Streams {
  open(symbol: string): SymbolStream;
  /** Whether one who was at this position may go on from there; then the head is known. */
  reaches(symbol: string, position: Position): Promise<boolean>;
  /** The ticks that one who was at this position has missed, or null where they are not all to be had. */
  missedSince(symbol: string, position: Position): Promise<Tick[] | null>;
  /**
   * Asks for that client, which was told the symbol's head in this turn and is not in the room of that rate: true where it may
   * join now, else `join` is called when it may.
   */
  enter(symbol: string, everyMs: number, socketId: string, join: () => void): boolean;
  /** What is on its way to that client goes out, and what waits for it of these symbols is dropped: a snapshot follows. */
  beforeSnapshot(socketId: string, symbols: Iterable<string>): void;
  /** Resolves when the last tick of a symbol that gets no more is out to everyone here. */
  finish(symbol: string): Promise<void>;
  /** Writes ticks to that client in this turn; resolves when it may be given more. */
  writeTo(socketId: string, ticks: readonly Tick[]): Promise<void>;
  /** Takes a client that is no Socket.IO socket; its rooms are kept by `join` and `leave`, and end with `dismiss`. */
  admit(client: PlainSocket): void;
  join(clientId: string, room: string): void;
  leave(clientId: string, room: string): void;
  dismiss(clientId: string): void;
  /** Tells a heartbeat to every client that got nothing for `ms`. */
  beat(ms: number): void;
}
