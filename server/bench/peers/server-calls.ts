/** What the benchmark asks of a process that runs a peer. */
import type { Part } from './left-out.ts';

/** Whom the benchmark measures; `replica` marks those that make up a cluster. */
export type PeerName = 'ours' | 'our replica' | 'stock' | 'stock replica' | 'ws' | 'floor';

/** What a process is to run. What the peer has no use for is passed over. */
export interface StartRequest {
  peer: PeerName;
  symbols: readonly string[];
  /** A part that `ours` is to be without. */
  without?: Part;
  /** Of a replica of a cluster. */
  redisUrl?: string;
  /** Of ours, where it makes the prices itself: the milliseconds between two ticks of a symbol. */
  intervalMs?: number;
}

/** The calls of a peer's process. Before `start`, those that need a peer reject. */
export interface ServerCalls {
  /** Gives the port. Once. */
  start(request: StartRequest): Promise<number>;
  /**
   * Makes the ticks of so many turns, outside of what is measured. Gives the last seq, and the bytes of each symbol's frames.
   */
  prepare(turns: number): { seq: number; bytes: number[] };
  /** Sends the next turn that was prepared. */
  turn(): void;
  /** Processor time of the process so far, in microseconds. */
  cpu(): number;
  /** Begins a CPU profile, and ends it into a file. */
  startProfile(): Promise<void>;
  writeProfile(path: string): Promise<void>;
  /** Resident memory in bytes, after the garbage was collected. Needs `--expose-gc`. */
  memory(): Promise<number>;
}
