/** What the test, the primary of the test program and its workers say to each other. */
import type { BackplaneDriver } from './backplane-driver.ts';

/** How the test program is to be run, as JSON in its only argument. */
export interface LocalSettings {
  node: string;
  workers: number;
  /** 0 takes a free one. */
  port: number;
  drainMs: number;
  /** How long a worker loads before it listens to anything. */
  loadMs: number;
  shards: number;
  historyTicks: number;
  worker: 'sound' | 'fails at start' | 'ignores drain';
}

/** A worker is ready. */
export interface ReadyMessage {
  type: 'test:ready';
  node: string;
  pid: number;
}

/** One frame of the calls between the test and the driver in a worker, carried on by the primary. */
export interface DriverMessage {
  type: 'test:driver';
  node: string;
  frame: unknown;
}

export type FromProgram =
  | ReadyMessage
  | DriverMessage
  | { type: 'test:listening'; port: number }
  | { type: 'test:failed'; message: string };

export type ToProgram = DriverMessage | { type: 'test:close'; now: boolean };

/** Tells the messages of this file from those of the backplane and of the Socket.IO packages. */
export function isOfTest(message: unknown): message is FromProgram {
  if (typeof message !== 'object' || message === null || !('type' in message)) return false;
  return typeof message.type === 'string' && message.type.startsWith('test:');
}

/** The driver without its depth, so that each call has one name. */
export interface DriverCalls
  extends
    Omit<BackplaneDriver, 'node' | 'lease' | 'leaderNotes' | 'callCounts' | 'tickStore' | 'userSeats'>,
    StoreCalls,
    LeaseCalls,
    NoteCalls,
    CountCalls,
    SeatCalls {}

interface SeatCalls {
  enterSeats: BackplaneDriver['userSeats']['enter'];
  beatSeats: BackplaneDriver['userSeats']['beat'];
  takeSeats: BackplaneDriver['userSeats']['take'];
  leaveSeats: BackplaneDriver['userSeats']['leave'];
  forgetSeats: BackplaneDriver['userSeats']['forget'];
  exitSeats: BackplaneDriver['userSeats']['exit'];
}

interface CountCalls {
  countCall: BackplaneDriver['callCounts']['take'];
}

interface NoteCalls {
  readNote: BackplaneDriver['leaderNotes']['read'];
  writeNote: BackplaneDriver['leaderNotes']['write'];
}

type StoreCalls = Omit<BackplaneDriver['tickStore'], 'shards' | 'shardOf'>;

interface LeaseCalls {
  readLease: BackplaneDriver['lease']['read'];
  takeLease: BackplaneDriver['lease']['take'];
  beatLease: BackplaneDriver['lease']['beat'];
  releaseLease: BackplaneDriver['lease']['release'];
}
