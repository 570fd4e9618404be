/**
 * Ends connections that send more than a client can have a reason to, or leave unread more than one can. It stands at
 * Engine.IO, below everything that Socket.IO shows: packets for namespaces that are not there, WebSocket pings and half
 * messages count too. One object and shared listeners for each connection; what only bytes tell, one sweep looks at.
 * Keeps SPEC.md [LM1] to [LM3].
 */
import { refusal, type CodeName } from '../../protocol/index.ts';
import type { Clock } from '../support/clock.ts';
import {
  cut,
  rawSocketOf,
  sizeOf,
  unreadBytes,
  waitingPackets,
  type Connection,
  type RawSocket,
} from './connection.ts';
import type { SocketServer } from './socket-server.ts';
import { TokenBucket, type Rate } from './token-bucket.ts';

/** Why a connection was cut: it sent too much, left too much unread, joined twice, or took no ticks. */
export type CutReason = 'flood' | 'unread' | 'protocol' | 'slow';

export interface ConnectionGuardOptions {
  engine: SocketServer['engine'];
  clock: Clock;
  /** Packets, WebSocket pings and KB that a connection may send. */
  packets: Rate;
  /** Bytes that may wait for a connection to take them. */
  maxUnreadBytes: number;
  /** Fires for each connection that is cut, before it is. */
  onCut: (reason: CutReason) => void;
}

export interface ConnectionGuard {
  /** Cuts it: it was told why, where it still reads. */
  cut(connection: Connection, reason: CutReason): void;
  close(): void;
}

/** How often bytes are looked at: twice well within the second in which who floods must be gone. */
const sweepMs = 250;
const bytesPerToken = 1_024;

/** A WebSocket that was closed is cut when its peer has not closed it too after this long, in milliseconds. */
const closingMs = 2_000;
const rawClosed = 3;

/** What is kept of each connection. */
interface Watched {
  readonly bucket: TokenBucket;
  /** The WebSocket whose bytes are counted, and how many were. */
  raw: RawSocket | null;
  countedBytes: number;
}

const codeOf = {
  flood: 'too_many_packets',
  unread: 'not_reading',
  protocol: 'joined_twice',
  slow: 'slow_client',
} as const satisfies Record<CutReason, CodeName>;

/** Watches every connection that opens from now on. */
export function createConnectionGuard(options: ConnectionGuardOptions): ConnectionGuard {
  const { engine, clock, packets, maxUnreadBytes, onCut } = options;
  const watched = new WeakMap<Connection, Watched>();
  const connectionOf = new WeakMap<RawSocket, Connection>();
  /** WebSockets of closed connections, with when they were; engine.io has forgotten them. */
  const closing = new Map<RawSocket, number>();

  function end(connection: Connection, reason: CutReason): void {
    if (connection.readyState === 'closed') return;
    onCut(reason);
    // As Socket.IO writes it; it may not have joined, and then nobody listens.
    const told = `2${JSON.stringify(['refused', refusal(codeOf[reason])])}`;
    const raw = rawSocketOf(connection);
    // Past engine.io's buffer: that is not written any more.
    if (raw === null) connection.write(told);
    else raw.send(`4${told}`);
    cut(connection);
  }

  function charge(connection: Connection, cost: number): void {
    if (watched.get(connection)?.bucket.take(cost, clock.monotonic()) === false) end(connection, 'flood');
    else if (waitingPackets(connection).length > 0 && unreadBytes(connection) > maxUnreadBytes)
      end(connection, 'unread');
  }

  function listenTo(raw: RawSocket | null, connection: Connection): void {
    if (raw === null || connectionOf.has(raw)) return;
    connectionOf.set(raw, connection);
    raw.on('ping', onPing);
  }

  // Shared by all connections: the emitter is `this`.
  function onPacket(this: Connection, { data }: { data?: unknown }): void {
    // The bytes of a WebSocket are counted where they come in, whatever they are.
    charge(this, rawSocketOf(this) === null ? 1 + sizeOf(data) / bytesPerToken : 1);
  }

  function onPing(this: RawSocket): void {
    const connection = connectionOf.get(this);
    if (connection === undefined) return;
    charge(connection, 1);
    // It may be one that wanted to become the connection's, and that nothing else ends.
    if (connection.readyState === 'closed') this.terminate();
  }

  /** Fires for each probe of a WebSocket that is to take polling's place: those packets are no one else's. */
  function onProbe(this: Connection, transport: Connection['transport']): void {
    const raw = rawSocketOf({ transport });
    listenTo(raw, this);
    charge(this, 1);
    if (this.readyState === 'closed') raw?.terminate();
  }

  function onClose(this: Connection): void {
    const raw = rawSocketOf(this);
    if (raw !== null && raw.readyState !== rawClosed) closing.set(raw, clock.monotonic());
  }

  function sweep(): void {
    for (const [raw, at] of closing) {
      if (raw.readyState !== rawClosed && clock.monotonic() - at < closingMs) continue;
      closing.delete(raw);
      raw.terminate();
    }
    // By session id. engine.io has it, as the documentation says, and hides it in its types.
    const connections: Readonly<Record<string, Connection>> = engine['clients'];
    for (const id in connections) {
      const connection = connections[id];
      if (connection !== undefined) lookAt(connection);
    }
  }

  function lookAt(connection: Connection): void {
    const one = watched.get(connection);
    if (one === undefined) return;
    const raw = rawSocketOf(connection);
    if (raw !== one.raw) {
      one.raw = raw;
      one.countedBytes = 0;
    }
    const bytes = raw?._socket?.bytesRead ?? 0;
    const cost = (bytes - one.countedBytes) / bytesPerToken;
    one.countedBytes = bytes;
    if (cost > 0 && !one.bucket.take(cost, clock.monotonic())) end(connection, 'flood');
    else if (unreadBytes(connection) > maxUnreadBytes) end(connection, 'unread');
  }

  function watch(connection: Connection): void {
    watched.set(connection, {
      bucket: new TokenBucket(packets, clock.monotonic()),
      raw: null,
      countedBytes: 0,
    });
    connection.on('packet', onPacket);
    connection.on('upgrading', onProbe);
    connection.on('close', onClose);
    listenTo(rawSocketOf(connection), connection);
  }

  engine.on('connection', watch);
  const stopSweeping = clock.every(sweepMs, sweep);

  return {
    cut: end,
    close: () => {
      engine.off('connection', watch);
      stopSweeping();
    },
  };
}
