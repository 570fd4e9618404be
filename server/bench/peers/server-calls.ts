/** The calls between the benchmark and a process that runs a peer. */
import type { Part } from './left-out.ts';

/**
 * What can be measured. `ours` is a whole server with its leader and its log, `our stage` the same behind the log; the
 * replicas make up a cluster.
 */
export type PeerName =
  | 'ours'
  | 'our stage'
  | 'our replica'
  | 'stock'
  | 'stock replica'
  | 'ws'
  | 'floor'
  | 'bun';

/** What a process is to run. A peer ignores what it has no use for. */
export interface StartRequest {
  peer: PeerName;
  symbols: readonly string[];
  /** A part that `ours` and `our stage` leave out. */
  without?: Part;
  /** Of a replica of a cluster. */
  redisUrl?: string;
  /** Settings of `our replica` beyond those that every run of the benchmark has. */
  settings?: Readonly<Record<string, string>>;
}

/** When the symbols of a run tick. */
export type Phases =
  /** All in one turn, each turn when the benchmark asks for it. */
  | { are: 'together' }
  /** Each symbol at a time of its own, once per `everyMs`. */
  | { are: 'spread'; everyMs: number };

/** The calls of a peer's process. Before `start`, those that need a peer reject. */
export interface ServerCalls {
  /** Returns the port. Once. */
  start(request: StartRequest): Promise<number>;
  /**
   * Makes the ticks of so many rounds of all symbols, outside of what is measured. Returns the last seq, and the bytes of each
   * symbol's frames.
   */
  prepare(rounds: number, phases: Phases): { seq: number; bytes: number[] };
  /** Sends the next turn that was prepared. */
  turn(): void;
  /** Sends everything that was prepared, each tick at its time. Resolves after the last one. */
  play(): Promise<void>;
  /** Processor time of the process so far, in microseconds. */
  cpu(): number;
  /** Begins a CPU profile, and ends it into a file. Not in Bun. */
  startProfile(): Promise<void>;
  writeProfile(path: string): Promise<void>;
  /** Resident memory in bytes, after the garbage was collected. Needs `--expose-gc`. */
  memory(): Promise<number>;
}
