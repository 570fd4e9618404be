/** What outlets count, all of a replica together. */
export interface OutletCounters {
  /** Ticks written, one for each socket; merged ones count one. */
  deliveries: number;
  /** Writes that carried ticks to a socket. */
  writes: number;
  /** Of these, those that were not the group's piece. */
  slowWrites: number;
  /** Ticks that were merged into a newer one. */
  conflated: number;
  /** Messages, ticks and heartbeats, that went to a WebSocket past engine.io. */
  direct: number;
}
