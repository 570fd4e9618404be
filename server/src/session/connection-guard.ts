/**
 * Ends connections that send more than a client can have a reason to, or leave unread more than one can. It stands at
 * Engine.IO, below everything that Socket.IO shows: packets for namespaces that are not there, WebSocket pings and half
 * messages count too. One bucket and shared listeners for each connection; one sweep looks at who may have left
 * much unread. Keeps SPEC.md [LM1] to [LM3], [CN4].
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
import { TokenBucket, type Rate } from './token-bucket.ts';
import type { Engine } from './traffic.ts';

/** Why a connection was cut: it sent too much, left too much unread, joined twice, or took no ticks. */
export type CutReason = 'flood' | 'unread' | 'protocol' | 'slow';

interface ConnectionGuardOptions {
  /** Where connections come from. */
  engines: readonly Engine[];
  clock: Clock;
  /** Packets, WebSocket pings and KB that a connection may send. */
  packets: Rate;
  /** Bytes that may wait for a connection to take them. */
  maxUnreadBytes: number;
  /** Fires for each connection that is cut, before it is. */
  onCut: (reason: CutReason) => void;
}

/**
 * Watches the connections of one replica. Those that come after `close` are not watched, and nothing is swept any more.
 */
export interface ConnectionGuard {
  /** Cuts it: it was told why, where it still reads. */
  cut(connection: Connection, reason: CutReason): void;
  close(): void;
}

/** How often is looked at what was left unread by those who send nothing, in milliseconds. */
const sweepMs = 250;
const bytesPerToken = 1_024;
/** Who takes ticks answers a ping for each 2 KB of them, and we are the ones who ask. */
const pongCost = 1 / 16;

/** A WebSocket that was closed is cut when its peer has not closed it too after this long, in milliseconds. */
const closingMs = 2_000;
const rawClosed = 3;
/** What still comes after that was on its way, and is little; each byte counts as so many. */
const closedWeight = 32;

/** What a connection may still send. */
const bucketOf = Symbol('bucket');
/** The connection that a WebSocket is, or wants to become. */
const connectionOf = Symbol('connection');
/** The WebSocket over a TCP socket. */
const rawOf = Symbol('raw');
/**
 * Noted on the emitters themselves, as listeners are shared and know the emitter alone: entries of weak maps take three times
 * as much memory (bench: memory).
 */
interface Noted {
  [bucketOf]?: TokenBucket;
  [connectionOf]?: Connection;
  [rawOf]?: RawSocket;
}

const codeOf = {
  flood: 'too_many_packets',
  unread: 'not_reading',
  protocol: 'joined_twice',
  slow: 'slow_client',
} as const satisfies Record<CutReason, CodeName>;

/** Watches every connection that opens from now on. */
export function createConnectionGuard(options: ConnectionGuardOptions): ConnectionGuard {
  const { engines, clock, packets, maxUnreadBytes, onCut } = options;
  /**
   * Those to which Engine.IO wrote and that had not taken it all when last looked at: of thousands, few. Polling ones stay, as
   * what waits for a poll is no write. Ticks go past Engine.IO, and their window bounds them.
   */
  const unread = new Set<Connection>();
  /** WebSockets of closed connections, with when they were; engine.io has forgotten them. */
  const closing = new Map<RawSocket, number>();

  function end(connection: Connection, reason: CutReason): void {
    if (connection.readyState === 'closed') return;
    onCut(reason);
    const why = refusal(codeOf[reason]);
    // As Socket.IO writes it; it may not have joined, and then nobody listens.
    const told = `2${JSON.stringify(['refused', why])}`;
    const raw = rawSocketOf(connection);
    // Past engine.io's buffer: that is not written any more.
    if (connection.refuse !== undefined) connection.refuse(why);
    else if (raw === null) connection.write(told);
    else raw.send(`4${told}`);
    cut(connection);
  }

  /** False where it was one too many, and the connection has ended. */
  function charge(connection: Connection & Noted, cost: number): boolean {
    if (connection[bucketOf]?.take(cost, clock.monotonic()) === false) end(connection, 'flood');
    else if (waitingPackets(connection).length === 0 || unreadBytes(connection) <= maxUnreadBytes)
      return true;
    else end(connection, 'unread');
    return false;
  }

  /** Also where the connection was closed, or never took this WebSocket: nothing else would end who goes on sending. */
  function chargeRaw(raw: RawSocket & Noted, cost: number): void {
    const connection = raw[connectionOf];
    if (connection !== undefined && !charge(connection, cost)) raw.terminate();
  }

  function listenTo(raw: (RawSocket & Noted) | null, connection: Connection): void {
    if (raw === null || raw[connectionOf] !== undefined) return;
    raw[connectionOf] = connection;
    raw.on('ping', onPing);
    raw.on('pong', onPong);
    const tcp: (NonNullable<RawSocket['_socket']> & Noted) | null = raw._socket;
    if (tcp === null) return;
    tcp[rawOf] = raw;
    tcp.on('data', onBytes);
  }

  // Shared by all connections: the emitter is `this`.
  function onPacket(this: Connection, { type, data }: { type: string; data?: unknown }): void {
    // engine.io hears it on polling alone.
    if (type === 'close') this.close();
    // The bytes of a WebSocket are counted where they come in, whatever they are.
    else charge(this, rawSocketOf(this) === null ? 1 + sizeOf(data) / bytesPerToken : 1);
  }

  function onPing(this: RawSocket): void {
    chargeRaw(this, 1);
  }

  function onPong(this: RawSocket): void {
    chargeRaw(this, pongCost);
  }

  function onBytes(this: Noted, { length }: Buffer): void {
    const raw: (RawSocket & Noted) | undefined = this[rawOf];
    if (raw === undefined) return;
    const weight = raw[connectionOf]?.readyState === 'closed' ? closedWeight : 1;
    chargeRaw(raw, (weight * length) / bytesPerToken);
  }

  /** Fires for each probe of a WebSocket that is to take polling's place: those packets are no one else's. */
  function onProbe(this: Connection, transport: object): void {
    const raw = rawSocketOf({ transport });
    listenTo(raw, this);
    if (raw !== null) chargeRaw(raw, 1);
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
    for (const connection of unread) {
      const bytes = unreadBytes(connection);
      if (bytes > maxUnreadBytes) end(connection, 'unread');
      if (connection.readyState === 'closed' || (bytes === 0 && rawSocketOf(connection) !== null))
        unread.delete(connection);
    }
  }

  function onFlush(connection: Connection): void {
    unread.add(connection);
  }

  function watch(connection: Connection & Noted): void {
    connection[bucketOf] = new TokenBucket(packets, clock.monotonic());
    connection.on('packet', onPacket);
    connection.on('upgrading', onProbe);
    connection.on('close', onClose);
    unread.add(connection);
    listenTo(rawSocketOf(connection), connection);
  }

  for (const engine of engines) engine.on('connection', watch).on('flush', onFlush);
  const stopSweeping = clock.every(sweepMs, sweep);

  return {
    cut: end,
    close: () => {
      for (const engine of engines) engine.off('connection', watch).off('flush', onFlush);
      stopSweeping();
    },
  };
}
