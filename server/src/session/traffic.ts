/**
 * Counts connections and messages where they are handed to their transport, each batch at once: no listener and no closure
 * for each tick.
 */
import type { EventEmitter } from 'node:events';

/** Where connections come from: engine.io's server, or that of plain WebSockets. */
export interface Engine extends EventEmitter {
  /** Connections now. */
  readonly clientsCount: number;
}

/** Read when it is measured: totals of one replica since its start, but for `active`. */
export interface Traffic {
  /** Since the start. */
  opened: number;
  /** Now. */
  active(): number;
  /** Messages that were written, without pings. Frames that share a write count one each. */
  sent: number;
  received: number;
}

interface Packet {
  type: string;
  /** `frames` where several messages were prepared as one packet. */
  options?: { frames?: number };
}

/** Begins to count. `onHandshakeError` fires for each handshake that was refused, with the name of the code where it has one of ours. */
export function createTraffic(
  engines: readonly Engine[],
  { onHandshakeError }: { onHandshakeError: (name: string | undefined) => void },
): Traffic {
  const traffic: Traffic = {
    opened: 0,
    active: () => engines.reduce((sum, { clientsCount }) => sum + clientsCount, 0),
    sent: 0,
    received: 0,
  };

  function countReceived({ type }: Packet): void {
    if (type === 'message') traffic.received++;
  }
  for (const engine of engines) {
    engine.on('connection', (connection: EventEmitter) => {
      traffic.opened++;
      connection.on('packet', countReceived);
    });
    engine.on('flush', (_connection: unknown, packets: readonly Packet[]) => {
      for (const { type, options } of packets) if (type === 'message') traffic.sent += options?.frames ?? 1;
    });
    engine.on('connection_error', (why: { name?: string }) => onHandshakeError(why.name));
  }
  return traffic;
}
