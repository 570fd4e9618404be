/**
 * All ticks that one turn of the event loop, or one flush window, made for a client leave in one write: a system call costs more than
 * the ticks in it. Each tick is added to the groups of its room. A group's ticks are put together once, for all its clients.
 * Order is kept per symbol; across symbols, and against other events, it may move within a turn. SPEC.md [F3] to [F5].
 */
import type { Clock } from '../support/clock.ts';
import { GroupWrite } from './group-write.ts';
import { createFlushWheel, type FlushWindow } from './flush-wheel.ts';
import { createGroups, type Group } from './groups.ts';
import type { Connection, RawSocket, RawWebSocket } from './engine-internals.ts';
import type { OutletCounters } from './outlet-counters.ts';
import { Outlet, type OutletStage } from './outlet.ts';
import { PieceMemory } from './piece-memory.ts';
import {
  bytesOf,
  encodeEvent,
  type Dialect,
  type EncodedEvent,
  type PreparedOptions,
  type TickFrame,
} from './tick-frames.ts';

/**
 * Times, limits, and listeners for writes. `onWrites` fires for each group of a turn, with 0 writes too, and for each write to one
 * client only. `onWritten` fires last.
 */
export interface CoalescerOptions {
  clock: Clock;
  /** How long a client that was just written to waits for its next ticks. */
  flushWindow: FlushWindow;
  /** A client that takes nothing for this long while ticks wait for it is too slow, in milliseconds. */
  slowClientMs: number;
  /** Fires once for each client that is too slow. Nothing is held for it any more. */
  onTooSlow: (socketId: string) => void;
  /** Fires with the number of ticks in a write, and how many writes had as many. */
  onWrites: (ticks: number, writes: number) => void;
  /** Fires after each write to a group, with the tick that waited longest: once per group, not once per socket. */
  onWritten: (oldest: TickFrame) => void;
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
  /** Adds a tick for the clients that are in the room now; it leaves at the end of the turn or of a window. */
  enqueue(room: string, frame: TickFrame): void;
  /** Writes everything that waits for a turn or a window, in those rooms or all: something else is about to go out. */
  flush(rooms?: Iterable<string>): void;
  /** How many ticks may be written to that client at once; 0 if it is gone. */
  maxSlice(socketId: string): number;
  /** The rooms that have clients. */
  rooms(): Iterable<string>;
  /** Writes to that client what waits for a turn or a window. */
  flushTo(socketId: string): void;
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
  /** What waits of the symbol for the client is not sent: a snapshot takes its place. */
  forget(symbol: string, socketId: string): void;
  /** Nothing that waits is sent, for nobody: snapshots take its place. */
  forgetAll(): void;
  /** Writes ticks to one client in this turn; resolves when it has taken them, or is gone. */
  writeTo(socketId: string, frames: readonly TickFrame[]): Promise<void>;
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

/** Where a WebSocket keeps its outlet: a WeakMap would cost each of its pongs a search. */
const outletOf = Symbol('outlet');
type OwnedWebSocket = RawWebSocket & { [outletOf]?: Outlet };

type OutletGroup = Group<Outlet, TickFrame>;

/** Knows no client yet. Its one timer runs while ticks wait for somebody, who is looked at every `sweepMs`. */
export function createCoalescer(options: CoalescerOptions): Coalescer {
  const { clock, flushWindow, slowClientMs, onTooSlow, onWrites, onWritten } = options;
  const groups = createGroups<Outlet, TickFrame>();
  const outlets = new Map<string, Outlet>();
  const byConnection = new WeakMap<object, Outlet>();
  const behind = new Set<Outlet>();
  const counters: Omit<CoalescerCounters, 'behind'> = {
    deliveries: 0,
    writes: 0,
    slowWrites: 0,
    conflated: 0,
    direct: 0,
    flushes: 0,
  };
  /** Groups that got their first tick since they were written to, in this turn. */
  let touched: OutletGroup[] = [];
  let isWriting = false;
  let stopSweeping: (() => void) | null = null;

  let pings = 0;
  const makePing = (): number => ++pings;
  const memory = new PieceMemory();
  const stage: OutletStage = { counters, makePing, memory, onBehind: watch, onSlowWrites: onWrites };
  const fastWrites = (): number => counters.writes - counters.slowWrites;

  const wheel = createFlushWheel<OutletGroup>(flushWindow, {
    clock,
    onDue: (due) =>
      timed(() => {
        for (const group of due) writeGroup(group);
      }),
  });

  function enqueue(room: string, frame: TickFrame): void {
    for (const group of groups.of(room)) {
      if (group.pending.push(frame) > 1) continue;
      if (touched.push(group) === 1) setImmediate(endTurn);
    }
  }

  /** Writes to the groups that may be written to now. */
  function endTurn(): void {
    const turn = touched;
    touched = [];
    counters.flushes++;
    const now = clock.monotonic();
    timed(() => {
      for (const group of turn) if (group.pending.length > 0 && wheel.mayWrite(group, now)) writeGroup(group);
    });
  }

  function flush(rooms?: Iterable<string>): void {
    if (rooms === undefined) for (const group of groups.all()) writeGroup(group);
    else for (const room of rooms) for (const group of groups.of(room)) writeGroup(group);
  }

  function timed(write: () => void): void {
    const startedAt = clock.monotonic();
    write();
    const now = clock.monotonic();
    wheel.worked(now - startedAt, now);
  }

  function writeGroup(group: OutletGroup): void {
    const { pending, members } = group;
    if (pending.length === 0) return;
    const late = group.late.size === 0 ? null : new Map(group.late);
    group.pending = [];
    group.late.clear();
    const now = clock.monotonic();
    group.writtenAt = now;
    if (late === null) {
      writeTogether(pending, members, now);
      return;
    }
    const byPlace = new Map<number, Outlet[]>();
    for (const member of members) {
      const place = late.get(member) ?? 0;
      const same = byPlace.get(place);
      if (same === undefined) byPlace.set(place, [member]);
      else same.push(member);
    }
    for (const [place, same] of byPlace) writeTogether(pending.slice(place), same, now);
  }

  function writeTogether(frames: readonly TickFrame[], members: Iterable<Outlet>, now: number): void {
    if (frames.length === 0) return;
    // Somebody who watches what goes out may make one within another, whose piece others are still to get.
    const isWithin = isWriting;
    isWriting = true;
    const before = fastWrites();
    let group: GroupWrite | null = null;
    try {
      for (const outlet of members) {
        group ??= new GroupWrite(
          outlet.dialect === 'plain' ? frames.map(({ plain }) => plain) : frames,
          stage,
        );
        outlet.write(group, now);
      }
    } finally {
      if (!isWithin) memory.release();
      isWriting = isWithin;
    }
    const [oldest] = frames;
    if (group === null || oldest === undefined) return;
    onWrites(frames.length, fastWrites() - before);
    onWritten(oldest);
  }

  /** The rooms of the client are about to change, or a snapshot follows: what waits for it goes out now. */
  function flushTo(outlet: Outlet): void {
    const group = groups.groupOf(outlet);
    if (group === undefined || group.pending.length === 0) return;
    const place = group.late.get(outlet) ?? 0;
    group.late.set(outlet, group.pending.length);
    writeTogether(group.pending.slice(place), [outlet], clock.monotonic());
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

  function remove(outlet: Outlet): void {
    const { id, conn } = outlet.socket;
    outlets.delete(id);
    // Its successor may be there already: a client may leave the namespace and join it again on one connection.
    if (byConnection.get(conn) === outlet) byConnection.delete(conn);
    conn.off('upgrade', onUpgrade);
    outlet.webSocket?.off('pong', onPong);
    groups.gone(outlet);
    behind.delete(outlet);
    outlet.close();
  }

  return {
    counters: () => ({ ...counters, behind: behind.size }),
    enqueue,
    flush,
    maxSlice: (socketId) => outlets.get(socketId)?.maxSlice ?? 0,
    rooms: () => groups.rooms(),
    flushTo: (socketId) => {
      const outlet = outlets.get(socketId);
      if (outlet !== undefined) flushTo(outlet);
    },
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
      if (outlet === undefined) return;
      flushTo(outlet);
      if (outlet.join(room)) groups.moved(outlet);
    },
    left: (socketId, room) => {
      const outlet = outlets.get(socketId);
      if (outlet === undefined) return;
      flushTo(outlet);
      if (outlet.leave(room)) groups.moved(outlet);
    },
    hasClients: (room) => {
      for (const { members } of groups.of(room)) if (members.size > 0) return true;
      return false;
    },
    clientsByRoom: () => groups.membersByRoom(),
    onEngineFlush: (connection, packets) => {
      let bytes = 0;
      for (const { data, options: written } of packets) {
        if (written?.frames !== undefined) bytes += written.uncounted ?? 0;
        else if (typeof data === 'string') bytes += data.length;
      }
      if (bytes > 0) byConnection.get(connection)?.wroteOther(bytes);
    },
    give: (socketId, symbol) => outlets.get(socketId)?.give(clock.monotonic(), symbol),
    forget: (symbol, socketId) => outlets.get(socketId)?.forget(symbol),
    forgetAll: () => {
      for (const outlet of behind) outlet.forgetAll();
    },
    writeTo: async (socketId, ticks) => {
      const outlet = outlets.get(socketId);
      if (outlet === undefined || ticks.length === 0) return;
      const frames = outlet.dialect === 'plain' ? ticks.map(({ plain }) => plain) : ticks;
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
      wheel.close();
      stopSweeping?.();
      for (const outlet of outlets.values()) outlet.close();
      outlets.clear();
    },
  };
}
