/** What the test, the primary of the test program and its workers say to each other. */

/** How the test program is to be run, as JSON in its only argument. */
export interface LocalSettings {
  node: string;
  workers: number;
  /** 0 takes a free one. */
  port: number;
  drainMs: number;
  /** How long a worker loads before it listens to anything. */
  loadMs: number;
  windowMs: number;
  maxWindowBytes: number;
  worker: 'sound' | 'ignores drain';
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
