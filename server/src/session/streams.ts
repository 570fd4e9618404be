/** What a session needs of the prices and of the fan-out. Types only. */
import type { Position, Quote, Tick } from '../../protocol/index.ts';
import type { TickPlace } from '../log/price-book.ts';
import type { PlainSocket } from './plain-socket.ts';

/** The prices that this replica has in memory. */
export interface Prices {
  /** False until the log was read for the first time. */
  areKnown(): boolean;
  /** Null until a leader has claimed the log. */
  gen(): string | null;
  /** The last quote; null for a symbol without a price. */
  quote(symbol: string): Quote | null;
  /** The seq of the symbol's last tick in this generation. */
  seq(symbol: string): number;
  /** How many ticks followed the position; null if they are not all here or too many, or the position is of no known place. */
  missedCount(symbol: string, position: Position): number | null;
  /** The first `max` ticks that followed the position, oldest first; null if they are not all here. */
  missedSince(symbol: string, position: Position, max: number): TickPlace[] | null;
  /** Whether another replica may have been ahead of this one: the position is beyond what this one knows. */
  isAhead(symbol: string, position: Position): boolean;
  /** Resolves when this replica has what the log had at the moment of the call, or after a second. */
  caughtUp(): Promise<void>;
}

/** The way of ticks to one client. */
export interface Streams {
  /**
   * Asks for that client, which received the symbol's quote in this turn and is not in the room of that rate: true if it may
   * join now, else `join` is called when it may.
   */
  enter(symbol: string, everyMs: number, socketId: string, join: () => void): boolean;
  /** What is on its way to that client goes out, and what waits for it of these symbols is dropped: a snapshot follows. */
  beforeSnapshot(socketId: string, symbols: Iterable<string>): void;
  /** Sends the last ticks of symbols that get no more, to everyone here. */
  finish(symbols: readonly string[]): void;
  /** How many ticks may be written to that client at once. */
  sliceFor(socketId: string): number;
  /** Writes ticks to that client in this turn; resolves when it may be given more. */
  writeTo(socketId: string, ticks: readonly (TickPlace | Tick)[]): Promise<void>;
  /** Takes a client that is no Socket.IO socket; its rooms are kept by `join` and `leave`, and end with `dismiss`. */
  admit(client: PlainSocket): void;
  join(clientId: string, room: string): void;
  leave(clientId: string, room: string): void;
  dismiss(clientId: string): void;
  /** Sends a heartbeat to every client that got nothing for `ms`. */
  beat(ms: number): void;
}
