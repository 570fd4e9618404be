/** What a session needs of the client it is of: a Socket.IO socket has it, and a plain one. Types alone. */
import type { ServerEvents } from '../../protocol/index.ts';
import type { Identity } from '../users/identity.ts';
import type { Connection } from './connection.ts';

/** As much of a Socket.IO socket as sessions use, so that a plain one need not have the rest. */
export interface Client {
  readonly id: string;
  /** Whether it may still be told something. */
  readonly connected: boolean;
  readonly conn: Connection;
  /** Who it is; `operator` is the name of the API key that it showed. */
  readonly data: { identity: Identity; readonly operator?: string };
  /** Those that it is in. */
  readonly rooms: ReadonlySet<string>;
  join(rooms: string | string[]): unknown;
  leave(room: string): unknown;
  /** Sends an event; its payload may be a `JsonText`. */
  emit(event: keyof ServerEvents, payload: object): unknown;
  /** Who in this process watches what goes out. */
  listenersAnyOutgoing(): readonly unknown[];
}
