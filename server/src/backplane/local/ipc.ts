/**
 * What travels between the primary and its workers over IPC, beside the messages of the Socket.IO packages. Both ends
 * are of one build and one user, so nothing is parsed; the guards only tell our messages from theirs.
 */
import type { MemoryLog } from '../../log/memory-log.ts';
import type { CallLimit, Message } from '../contract.ts';
import type { MemoryLease } from './memory-lease.ts';
import type { MemoryUserSeats } from './memory-user-seats.ts';

/** How long a call waits for its answer. */
export const callTimeoutMs = 2_000;
/** How often a worker calls `beat`, and how often the primary looks whether it did. */
export const beatMs = 1_000;

/** The functions of a part, each with the part's name and a dot before its own. */
type Named<Name extends string, Part> = { [Key in keyof Part & string as `${Name}.${Key}`]: Part[Key] };

/** Gives the functions of a part those names. */
export function named<Name extends string, Part extends object>(name: Name, part: Part): Named<Name, Part> {
  const entries = Object.entries(part).map(([key, value]) => [`${name}.${key}`, value]);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the type says the same as the line above
  return Object.fromEntries(entries) as Named<Name, Part>;
}

/** What a worker calls in the primary. */
export type PrimaryCalls = Named<'lease', MemoryLease> &
  Named<'log', MemoryLog> &
  Named<'seats', MemoryUserSeats> & {
    beat(): void;
    countCall(caller: string, limit: CallLimit): Promise<number>;
    /** Sends the message to the worker of that name; false if there is none. */
    sendTo(node: string, message: Message): boolean;
    /** The figures of the primary itself. */
    collect(): Promise<unknown[]>;
  };

/** One frame of birpc, in either direction. */
interface CallMessage {
  type: 'tickwire:call';
  frame: unknown;
}

/** What a worker posts. Its slot takes `ready` and `leaving`, the log takes `lines`, and all else is for the home. */
export type WorkerMessage =
  | CallMessage
  | { type: 'tickwire:ready' }
  | { type: 'tickwire:leaving' }
  /** Whole lines of its log. */
  | { type: 'tickwire:lines'; lines: string }
  /** For every worker. */
  | { type: 'tickwire:message'; message: Message };

/** What the primary posts. A batch goes to every worker, and so does a message to all, to its sender too; `drain` asks one to leave. */
export type PrimaryMessage =
  | CallMessage
  | { type: 'tickwire:batch'; bytes: Buffer }
  | { type: 'tickwire:message'; message: Message }
  | { type: 'tickwire:drain' };

/** Tells the messages of a worker from those of the Socket.IO packages. */
export function isWorkerMessage(message: unknown): message is WorkerMessage {
  return isOurs(message);
}

/** Tells the messages of the primary from those of the Socket.IO packages. */
export function isPrimaryMessage(message: unknown): message is PrimaryMessage {
  return isOurs(message);
}

function isOurs(message: unknown): boolean {
  if (typeof message !== 'object' || message === null || !('type' in message)) return false;
  return typeof message.type === 'string' && message.type.startsWith('tickwire:');
}
