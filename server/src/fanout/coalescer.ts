/**
 * All ticks that one turn of the event loop made for one socket leave in one write: a system call costs more than the
 * ticks in it (DESIGN section 4). Queues by room, puts each basket's ticks together once, and hands them to its outlets.
 * Order is kept for each symbol; across symbols, and against other events, it may move within a turn. SPEC.md [F3] to [F5].
 */
import type { Tick } from '../../protocol/index.ts';
import type { Clock } from '../support/clock.ts';
import { Batch, plainOf, type Delivery } from './batch.ts';
import { createBaskets, type Basket } from './baskets.ts';
import type { Connection, RawSocket, RawWebSocket } from './engine-internals.ts';
import type { OutletCounters } from './outlet-counters.ts';
import { Outlet, type OutletStage } from './outlet.ts';
import { PieceMemory } from './piece-memory.ts';
import {
  bytesOf,
  encodeEvent,
  encodeTick,
  type Dialect,
  type EncodedEvent,
  type PreparedOptions,
  type TickFrame,
} from './tick-frames.ts';

/**
 * Who is told of what goes out. `onWrites` fires for each basket of a turn, with 0 writes too, and for each write to one client
 * alone; `onWritten` fires last.
 */
export interface CoalescerOptions {
  clock: Clock;
  /** A client that takes nothing for this long while ticks wait for it is too slow, in milliseconds. */
  slowClientMs: number;
  /** Fires once for each client that is too slow. Nothing is held for it any more. */
  onTooSlow: (socketId: string) => void;
  /** Fires with the number of ticks in a write, and how many writes had as many. */
  onWrites: (ticks: number, writes: number) => void;
  /** Fires for each turn's ticks, after they were written to everyone; once a tick, not once a socket. */
  onWritten: (ticks: readonly Delivery[]) => void;
}

/** What went out since the start, and who is behind now. */
export interface CoalescerCounters extends OutletCounters {
  /** Clients that ticks are held for at this moment: they are behind, or their next poll has not come. */
  behind: number;
  /** Turns that had ticks. */
  flushes: number;
}

/**
 * The way out to every client of a replica, by the ids of their sockets. For a client that is not known, or is gone, a call does
 * nothing.
 */
export interface Coalescer {
  counters(): Readonly<CoalescerCounters>;
  /** Takes a tick for its room's members; it leaves at the end of the turn. */
  enqueue(delivery: Delivery): void;
  /** Writes what is queued now: membership changes, or something else goes out to those rooms. */
  flush(): void;
  opened(socket: RawSocket, dialect?: Dialect): void;
  gone(socketId: string): void;
  joined(socketId: string, room: string): void;
  left(socketId: string, room: string): void;
  /** Whether a client is in the room, whatever it speaks. */
  hasClients(room: string): boolean;
  /** How many clients are in each room that has any. */
  clientsByRoom(): Map<string, number>;
  /** Everything that engine.io gives to a transport comes by here, so that it counts. */
  onEngineFlush(connection: object, packets: readonly EnginePacket[]): void;
  /** What waits for the client, of that symbol or all, goes out now: something else is about to. */
  give(socketId: string, symbol?: string): void;
  /** What waits of the symbol, for one client or for all, is not sent: a snapshot takes its place. */
  forget(symbol: string, socketId?: string): void;
  /** Writes ticks to one client in this turn; resolves when it has taken them, or is gone. */
  writeTo(socketId: string, ticks: readonly Tick[]): Promise<void>;
  /** Writes the event to everyone who got nothing for `ms`. */
  writeToSilent(ms: number, event: string, payload: () => object): void;
  close(): void;
}

/**
 * A packet as engine.io lists it when its transport takes it. Text in `data` counts by its length; what has `frames` was counted
 * by its outlet, but for `uncounted`.
 */
export interface EnginePacket {
  type: string;
  data?: unknown;
  options?: Partial<PreparedOptions>;
}

/** Clients that are behind are looked at this often, in milliseconds: a poll may have come, or too much time have passed. */
const sweepMs = 50;
/** A silence begins before the ping that shows it: looked at this early, a client is gone when its time is over. */
const noticedAfter = 0.95;
/** Ticks of a replay that are kept encoded, to be forgotten all at once. */
const maxReplayed = 10_000;

/** Where a WebSocket keeps its outlet: a WeakMap would cost each of its pongs a search. */
const outletOf = Symbol('outlet');
type OwnedWebSocket = RawWebSocket & { [outletOf]?: Outlet };

/** Knows no client yet. Its one timer runs while ticks wait for somebody, who is looked at every `sweepMs`. */
export function createCoalescer(options: CoalescerOptions): Coalescer {
  const { clock, slowClientMs, onTooSlow, onWrites, onWritten } = options;
  const baskets = createBaskets<Outlet, Delivery>();
  const outlets = new Map<string, Outlet>();
  const byConnection = new WeakMap<object, Outlet>();
  const behind = new Set<Outlet>();
  const replayed: Readonly<Record<Dialect, Map<Tick, TickFrame>>> = {
    'socket.io': new Map(),
    plain: new Map(),
  };
  const counters: Omit<CoalescerCounters, 'behind'> = {
    deliveries: 0,
    writes: 0,
    slowWrites: 0,
    conflated: 0,
    direct: 0,
    flushes: 0,
  };
  let queue: Delivery[] = [];
  let isFlushing = false;
  let stopSweeping: (() => void) | null = null;

  let pings = 0;
  const makePing = (): number => ++pings;
  const memory = new PieceMemory();
  const stage: OutletStage = { counters, makePing, memory, onBehind: watch, onSlowWrites: onWrites };
  const fastWrites = (): number => counters.writes - counters.slowWrites;

  function enqueue(delivery: Delivery): void {
    if (queue.length === 0) setImmediate(flush);
    queue.push(delivery);
  }

  function flush(): void {
    if (queue.length === 0) return;
    const turn = queue;
    queue = [];
    // Somebody who watches what goes out may make one within another, whose piece others are still to get.
    const isWithin = isFlushing;
    isFlushing = true;
    counters.flushes++;
    const touched: Basket<Outlet, Delivery>[] = [];
    for (const delivery of turn) {
      for (const basket of baskets.of(delivery.room)) {
        if (basket.turn.length === 0) touched.push(basket);
        basket.turn.push(delivery);
      }
    }
    const now = clock.monotonic();
    for (const basket of touched) {
      const deliveries = basket.dialect === 'plain' ? basket.turn.map(plainOf) : basket.turn;
      const batch = new Batch(deliveries, stage);
      basket.turn = [];
      const before = fastWrites();
      for (const outlet of basket.members) outlet.write(batch, now);
      if (!isWithin) memory.release();
      onWrites(batch.deliveries.length, fastWrites() - before);
    }
    isFlushing = isWithin;
    onWritten(turn);
  }

  /** One listener for every WebSocket: `this` tells which. */
  function onPong(this: OwnedWebSocket, payload: unknown): void {
    this[outletOf]?.answered(payload, clock.monotonic());
  }

  function takeTransport(outlet: Outlet): void {
    outlet.useTransport(onPong, clock.monotonic());
    const webSocket: OwnedWebSocket | null = outlet.webSocket;
    if (webSocket !== null) webSocket[outletOf] = outlet;
  }

  function onUpgrade(this: Connection): void {
    const outlet = byConnection.get(this);
    if (outlet !== undefined) takeTransport(outlet);
  }

  function watch(outlet: Outlet): void {
    behind.add(outlet);
    stopSweeping ??= clock.every(sweepMs, sweep);
  }

  function sweep(): void {
    const now = clock.monotonic();
    for (const outlet of behind) {
      outlet.release(now);
      const since = outlet.stuckSince();
      if (outlet.isIdle()) behind.delete(outlet);
      else if (since !== null && now - since >= slowClientMs * noticedAfter) {
        remove(outlet);
        onTooSlow(outlet.socket.id);
      }
    }
    if (behind.size > 0) return;
    stopSweeping?.();
    stopSweeping = null;
  }

  /** The same ticks go to all who come back in a storm. */
  function encodedOnce(tick: Tick, dialect: Dialect): TickFrame {
    const frames = replayed[dialect];
    let frame = frames.get(tick);
    if (frame === undefined) {
      if (frames.size >= maxReplayed) frames.clear();
      frame = encodeTick(tick, dialect);
      frames.set(tick, frame);
    }
    return frame;
  }

  function remove(outlet: Outlet): void {
    const { id, conn } = outlet.socket;
    outlets.delete(id);
    // Its successor may be there already: a client may leave the namespace and join it again on one connection.
    if (byConnection.get(conn) === outlet) byConnection.delete(conn);
    conn.off('upgrade', onUpgrade);
    outlet.webSocket?.off('pong', onPong);
    baskets.gone(outlet);
    behind.delete(outlet);
    outlet.close();
  }

  return {
    counters: () => ({ ...counters, behind: behind.size }),
    enqueue,
    flush,
    opened: (socket, dialect) => {
      if (outlets.has(socket.id)) return;
      const outlet = new Outlet(socket, stage, clock.monotonic(), dialect);
      outlets.set(socket.id, outlet);
      byConnection.set(socket.conn, outlet);
      takeTransport(outlet);
      if (socket.conn.transport.name === 'polling') socket.conn.once('upgrade', onUpgrade);
    },
    gone: (socketId) => {
      const outlet = outlets.get(socketId);
      if (outlet !== undefined) remove(outlet);
    },
    joined: (socketId, room) => {
      const outlet = outlets.get(socketId);
      if (outlet?.join(room) === true) baskets.moved(outlet);
    },
    left: (socketId, room) => {
      const outlet = outlets.get(socketId);
      if (outlet?.leave(room) === true) baskets.moved(outlet);
    },
    hasClients: (room) => {
      for (const { members } of baskets.of(room)) if (members.size > 0) return true;
      return false;
    },
    clientsByRoom: () => baskets.membersByRoom(),
    onEngineFlush: (connection, packets) => {
      let bytes = 0;
      for (const { data, options: written } of packets) {
        if (written?.frames !== undefined) bytes += written.uncounted ?? 0;
        else if (typeof data === 'string') bytes += data.length;
      }
      if (bytes > 0) byConnection.get(connection)?.wroteOther(bytes);
    },
    give: (socketId, symbol) => outlets.get(socketId)?.give(clock.monotonic(), symbol),
    forget: (symbol, socketId) => {
      if (socketId !== undefined) outlets.get(socketId)?.forget(symbol);
      else for (const outlet of behind) outlet.forget(symbol);
    },
    writeTo: async (socketId, ticks) => {
      const outlet = outlets.get(socketId);
      if (outlet === undefined || ticks.length === 0) return;
      const frames = ticks.map((tick) => encodedOnce(tick, outlet.dialect));
      await outlet.writeAll(frames, bytesOf(frames), clock.monotonic());
    },
    writeToSilent: (ms, event, payload) => {
      const now = clock.monotonic();
      const encoded: Partial<Record<Dialect, EncodedEvent>> = {};
      for (const outlet of outlets.values()) {
        if (now - outlet.lastWriteAt < ms) continue;
        outlet.writeEvent((encoded[outlet.dialect] ??= encodeEvent(event, payload(), outlet.dialect)), now);
      }
    },
    close: () => {
      flush();
      stopSweeping?.();
      for (const outlet of outlets.values()) outlet.close();
      outlets.clear();
    },
  };
}
