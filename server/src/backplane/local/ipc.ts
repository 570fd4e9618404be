/**
 * What travels between the primary and its workers over IPC, beside the messages of the Socket.IO packages. Both ends
 * are of one build and one user, so nothing is parsed; the guards only tell our messages from theirs.
 */
import type {
  Announcement,
  Append,
  AppendOutcome,
  CallLimit,
  Claim,
  LeaseRecord,
  ReadRequest,
  Retirement,
  Seat,
  SeatBeat,
  SeatOutcome,
  StoredSymbol,
} from '../contract.ts';

/** How long a call waits for its answer. */
export const callTimeoutMs = 2_000;
/** How often a worker calls `beat`, and how often the primary looks whether it did. */
export const beatMs = 1_000;

/** What the leader said to a call, or why it said nothing. */
export type LeaderAnswer =
  | { ok: true; answer: unknown }
  | { ok: false; reason: 'nobody' }
  | { ok: false; reason: 'failed'; name: string; message: string };

/** What a worker calls in the primary. */
export interface PrimaryCalls {
  beat(): void;
  leaseRead(): LeaseRecord;
  leaseTake(node: string, seen: LeaseRecord): LeaseRecord | null;
  leaseBeat(node: string, epoch: number): boolean;
  leaseRelease(node: string, epoch: number): void;
  noteRead(name: string): string | null;
  noteWrite(epoch: number, name: string, text: string): boolean;
  claim(shard: number, epoch: number): Claim;
  append(shard: number, append: Append): AppendOutcome;
  retire(shard: number, retirement: Retirement): boolean;
  read(requests: readonly ReadRequest[]): StoredSymbol[];
  seatsEnter(node: string): string;
  seatsBeat(node: string, gen: string, noted: readonly string[]): SeatBeat | null;
  seatsTake(node: string, gen: string, seats: readonly Seat[], max?: number): SeatOutcome[] | null;
  seatsLeave(node: string, gen: string, seats: readonly Seat[]): void;
  seatsForget(node: string, gen: string, beat?: number): void;
  countCall(caller: string, limit: CallLimit): Promise<number>;
  serve(epoch: number): void;
  stopServing(epoch: number): void;
  callLeader(epoch: number, request: unknown): Promise<LeaderAnswer>;
  /** The figures of the primary itself. */
  collect(): Promise<unknown[]>;
}

/** What the primary calls in a worker. */
export interface WorkerCalls {
  answer(epoch: number, request: unknown): Promise<LeaderAnswer>;
}

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
  | { type: 'tickwire:announce'; announcement: Announcement };

/**
 * What the primary posts. An announcement and a release go to every worker, the one that caused them too; `drain` asks one to
 * leave.
 */
export type PrimaryMessage =
  | CallMessage
  | { type: 'tickwire:announcement'; announcement: Announcement }
  | { type: 'tickwire:released' }
  | { type: 'tickwire:drain' };

/** Whether an IPC message is one of these, and not of the Socket.IO packages or of anyone else. */
function isOurs(message: unknown): boolean {
  if (typeof message !== 'object' || message === null || !('type' in message)) return false;
  return typeof message.type === 'string' && message.type.startsWith('tickwire:');
}

/** Tells the messages of a worker from those of the Socket.IO packages. */
export function isWorkerMessage(message: unknown): message is WorkerMessage {
  return isOurs(message);
}

/** Tells the messages of the primary from those of the Socket.IO packages. */
export function isPrimaryMessage(message: unknown): message is PrimaryMessage {
  return isOurs(message);
}
