/** A way to bring ticks to WebSocket clients, run in a process of its own by server-program.ts. */
import type { Tick } from '../../protocol/index.ts';

/** A server that listens on 127.0.0.1, to be measured. It has no end of its own: its process is ended. */
export interface Peer {
  readonly port: number;
  /** The generation of its ticks. */
  readonly gen: string;
  /** Sends these ticks, all made in one turn of the event loop, to whoever asked for their symbols. */
  turn(ticks: readonly Tick[]): void;
  /** Told of all turns of a run before its first, where a peer prepares what it sends. */
  prepare?(turns: readonly (readonly Tick[])[]): void;
}

/** What a peer knows of the run before its clients come: every symbol that will be sent. */
export interface PeerOptions {
  symbols: readonly string[];
}

/** Any generation, for peers that keep none. */
export const someGen = 'bEnCh0';
