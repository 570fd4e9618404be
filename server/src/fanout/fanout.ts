/**
 * From one batch to many sockets: hands each tick to the rooms of its symbol, at each rate, and writes what one turn made for a client
 * together. Knows no calls of clients and no store. Keeps SPEC.md [F1] to [F5].
 */
import type { Namespace } from 'socket.io';
import { symbolOfRoom, tickRoom, type Quote, type Tick } from '../../protocol/index.ts';
import type { AdapterMixin } from '../backplane/contract.ts';
import type { Batch } from '../log/batch.ts';
import type { TickPlace } from '../log/price-book.ts';
import { assert } from '../support/assert.ts';
import type { Clock } from '../support/clock.ts';
import type { Log } from '../support/log.ts';
import { createAdapterHook } from './adapter-hook.ts';
import { createCoalescer, type CoalescerCounters, type EnginePacket } from './coalescer.ts';
import { missingInternals, writeTogether, type RawSocket } from './engine-internals.ts';
import type { FlushWindow } from './flush-wheel.ts';
import { encodeTick, LogTick } from './tick-frames.ts';
import { createTiers } from './tiers.ts';

/** The prices that ticks lead to, the limits, and who is notified. */
export interface FanoutOptions {
  clock: Clock;
  log: Log;
  /** The quote that the symbol's last tick led to. */
  quoteOf: (symbol: string) => Quote | null;
  flushWindow: FlushWindow;
  /** A client that takes nothing for this long while ticks wait for it is too slow, in milliseconds. */
  slowClientMs: number;
  /** Fires once for each client that is too slow. This stage writes nothing more to it. */
  onTooSlow: (socketId: string) => void;
  /** Fires with the first tick of a batch that a client here listens to, and how many such ticks the batch has. */
  onArrived: (first: Tick, ticks: number) => void;
  /** Fires with the number of ticks in a write, and how many writes had as many. */
  onWrites: (ticks: number, writes: number) => void;
  /** Fires after each write to a group of clients, with the tick that waited longest. */
  onWritten: (oldest: Tick) => void;
}

/** What came here and went out since the start. */
export interface FanoutCounters extends CoalescerCounters {
  /** Ticks that came here, of symbols that a client here listens to. */
  arrived: number;
}

/** One replica's fan-out. */
export interface Fanout {
  counters(): Readonly<FanoutCounters>;
  /** How many symbols a client here receives ticks of. */
  symbols(): number;
  /** How many clients are in each tick room that has any. */
  clientsByRoom(): ReadonlyMap<string, number>;
  /** Wraps the adapter of the namespace. */
  readonly mixin: AdapterMixin;
  /** Joins the namespace whose adapter was wrapped. Once. */
  attach(nsp: Namespace): void;
  deliver(batch: Batch): void;
  /** Everyone starts again from the quotes: what waits is dropped, and snapshots follow in this step. */
  restart(): void;
  /** The symbols get no more ticks: the last ones go out in this step, at slower rates too. */
  finish(symbols: readonly string[]): void;
  /**
   * A snapshot of these symbols goes to this client in this step: what is queued goes out first, and what waits for it of
   * them is dropped. What the step writes to it leaves in one write.
   */
  beforeSnapshot(socketId: string, symbols: Iterable<string>): void;
  /** How many ticks may be written to that client at once. */
  sliceFor(socketId: string): number;
  /** Writes ticks to one client in this turn, in one piece; resolves when it has taken them, or is gone. */
  writeTo(socketId: string, ticks: readonly (TickPlace | Tick)[]): Promise<void>;
  /**
   * Asks for one who received the symbol's quote in this turn and is not in the room of that rate: true if it may join now.
   * Else `join` is called once, when it may.
   */
  enter(symbol: string, everyMs: number, member: string, join: () => void): boolean;
  /** Sends `heartbeat` to everyone who got nothing for `ms`. */
  beat(ms: number): void;
  /**
   * Takes a client that is no Socket.IO socket and speaks plainly. It is in no room of the adapter: `join` and `leave` are its
   * rooms, which end with `dismiss`.
   */
  admit(client: RawSocket): void;
  join(clientId: string, room: string): void;
  leave(clientId: string, room: string): void;
  dismiss(clientId: string): void;
  close(): void;
}

/** Delivers nothing before `attach`. */
export function createFanout({
  clock,
  log,
  quoteOf,
  flushWindow,
  slowClientMs,
  onTooSlow,
  onArrived,
  onWrites,
  onWritten,
}: FanoutOptions): Fanout {
  const coalescer = createCoalescer({
    clock,
    flushWindow,
    slowClientMs,
    onTooSlow,
    onWrites,
    // Ticks of slower rates, which are late by choice, are not of the log.
    onWritten: (oldest) => {
      if (oldest instanceof LogTick) onWritten(oldest.tick);
    },
  });
  const tiers = createTiers({
    clock,
    headOf: quoteOf,
    hasMembers: (room) => coalescer.hasClients(room),
    emit: (room, tick) => coalescer.enqueue(room, encodeTick(tick)),
  });
  let namespace: Namespace | null = null;
  let arrived = 0;
  /** Rooms by symbol: to make the name of a room again for each tick costs as much as to find its clients. */
  const roomNames = new Map<string, string>();

  const mixin = createAdapterHook({
    beforeOther: (rooms) => coalescer.flush(rooms),
    beforeOtherTo: (id) => {
      coalescer.flushTo(id);
      coalescer.give(id);
    },
    onOpened: (id) => {
      const socket = rawSocket(id);
      if (socket === undefined) return;
      coalescer.opened(socket);
      // Its CONNECT packet and its greeting follow.
      writeTogether(socket.conn);
    },
    onJoined: (id, room) => coalescer.joined(id, room),
    onLeft,
    onGone: (id) => coalescer.gone(id),
  });

  function onLeft(id: string, room: string): void {
    coalescer.left(id, room);
    const symbol = symbolOfRoom(room);
    if (symbol !== null) coalescer.give(id, symbol);
  }

  function rawSocket(id: string): RawSocket | undefined {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- its internals are checked before they are used
    return namespace?.sockets.get(id) as unknown as RawSocket | undefined;
  }

  /** One listener for all plain connections: `this` is the connection. */
  function onPlainFlush(this: object, packets: EnginePacket[]): void {
    coalescer.onEngineFlush(this, packets);
  }

  function roomOf(symbol: string): string {
    let room = roomNames.get(symbol);
    if (room === undefined) roomNames.set(symbol, (room = tickRoom(symbol)));
    return room;
  }

  function deliver(batch: Batch): void {
    let first: LogTick | null = null;
    let wanted = 0;
    for (const [place, symbol] of batch.symbols.entries()) {
      const room = roomOf(symbol);
      const isWanted = coalescer.hasClients(room);
      if (!isWanted && !tiers.has(symbol)) continue;
      const frame = new LogTick(batch, place);
      if (isWanted) coalescer.enqueue(room, frame);
      if (tiers.has(symbol)) tiers.accept(frame.tick);
      first ??= frame;
      wanted++;
    }
    arrived += wanted;
    if (first !== null) onArrived(first.tick, wanted);
  }

  return {
    counters: () => ({ ...coalescer.counters(), arrived }),
    symbols: () => new Set([...coalescer.rooms()].map(symbolOfRoom)).size,
    clientsByRoom: () => coalescer.clientsByRoom(),
    mixin,
    attach: (nsp) => {
      assert(namespace === null, 'the fan-out is attached once');
      namespace = nsp;
      const missing = missingInternals();
      if (missing.length > 0)
        log.warn({ missing }, 'An unknown version of ws: Socket.IO itself sends the ticks, one write each.');
      nsp.server.engine.on('flush', (connection: object, packets: EnginePacket[]) =>
        coalescer.onEngineFlush(connection, packets),
      );
    },
    deliver,
    restart: () => {
      coalescer.flush();
      coalescer.forgetAll();
      tiers.restart();
    },
    finish: (symbols) => {
      for (const symbol of symbols) {
        tiers.finish(symbol);
        roomNames.delete(symbol);
      }
      coalescer.flush();
    },
    beforeSnapshot: (socketId, symbols) => {
      coalescer.flushTo(socketId);
      for (const symbol of symbols) coalescer.forget(symbol, socketId);
      const socket = rawSocket(socketId);
      if (socket !== undefined) writeTogether(socket.conn);
    },
    writeTo: (socketId, ticks) =>
      coalescer.writeTo(
        socketId,
        ticks.map((tick) => ('batch' in tick ? new LogTick(tick.batch, tick.place) : encodeTick(tick))),
      ),
    sliceFor: (socketId) => coalescer.maxSlice(socketId),
    enter: (symbol, everyMs, member, join) => tiers.enter(symbol, everyMs, member, join),
    beat: (ms) => coalescer.writeToSilent(ms, 'heartbeat', () => ({ at: clock.now() })),
    admit: (client) => {
      coalescer.opened(client, 'plain');
      client.conn.on('flush', onPlainFlush);
    },
    join: (id, room) => coalescer.joined(id, room),
    leave: onLeft,
    dismiss: (id) => coalescer.gone(id),
    close: () => {
      tiers.close();
      coalescer.close();
    },
  };
}
