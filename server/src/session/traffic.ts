/**
 * Counts connections and messages where engine.io hands them to their transport, each batch at once: no listener and no
 * closure for each tick.
 */
import type { Server } from 'socket.io';

export interface Traffic {
  /** Since the start. */
  opened: number;
  /** Now. */
  active(): number;
  /** Messages that engine.io wrote, without pings. Frames that share a write count one each. */
  sent: number;
  received: number;
}

interface Packet {
  type: string;
  /** `frames` where several messages were prepared as one packet. */
  options?: { frames?: number };
}

/** Begins to count. `onHandshakeError` fires for each handshake that engine.io refused. */
export function createTraffic(
  { engine }: Pick<Server, 'engine'>,
  { onHandshakeError }: { onHandshakeError: () => void },
): Traffic {
  const traffic: Traffic = { opened: 0, active: () => engine.clientsCount, sent: 0, received: 0 };

  function countReceived({ type }: Packet): void {
    if (type === 'message') traffic.received++;
  }
  engine.on('connection', (connection) => {
    traffic.opened++;
    connection.on('packet', countReceived);
  });
  engine.on('flush', (_connection: unknown, packets: readonly Packet[]) => {
    for (const { type, options } of packets) if (type === 'message') traffic.sent += options?.frames ?? 1;
  });
  engine.on('connection_error', onHandshakeError);
  return traffic;
}
