/** A way to bring ticks to WebSocket clients. serve-peer.ts runs it in a process of its own. */
import type { Tick } from '../../protocol/index.ts';

/** A server that listens on 127.0.0.1, to be measured. It has no end of its own: its process is ended. */
export interface Peer {
  readonly port: number;
  /** The generation of its ticks. */
  readonly gen: string;
  /** The seq that every symbol has already; 0 if it is absent. */
  readonly seq?: number;
  /** Sends these ticks, all made in one turn of the event loop, to the clients that subscribed to their symbols. */
  turn(ticks: readonly Tick[]): void;
  /** Called with all turns of a run before its first one, if the peer prepares its bytes. */
  prepare?(turns: readonly (readonly Tick[])[]): void;
}

/** What a peer knows of the run before its clients come: every symbol that will be sent. */
export interface PeerOptions {
  symbols: readonly string[];
}

/** The generation of peers that keep none. */
export const someGen = 'bEnCh0';

/** Settings of ours. Processes that share few cores may stand still for seconds, and the leader must not change then. */
export const patientLease = { LEASE_TTL_MS: '12000', LEASE_DEADLINE_MS: '10000' };
