/** What the test, the primary of the test program and its workers say to each other. */
import type { BackplaneDriver } from './backplane-driver.ts';

/** How the test program is to be run, as JSON in its only argument. */
export interface LocalSettings {
  node: string;
  workers: number;
  port: number;
  drainMs: number;
  /** How long a worker loads before it listens to anything. */
  loadMs: number;
  /** What a worker does when it starts, and when it is told to drain. */
  worker: 'sound' | 'fails at start' | 'ignores drain';
}

/** One frame of the calls between the test and the driver in a worker, carried on by the primary. */
export interface DriverMessage {
  type: 'test:driver';
  node: string;
  frame: unknown;
}
...
