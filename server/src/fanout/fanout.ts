/**
 * From one room emit to many sockets: keeps a sequencer for each symbol that somebody on this replica listens to, hands
 * every tick through it, and what it lets pass to the coalescer. Knows no calls of clients. Keeps SPEC.md [F1] to [F5].
 */
import type { Namespace } from 'socket.io';
import {
  limits,
  symbolOfRoom,
  tierOfRoom,
  tickRoom,
  type Position,
  type Quote,
  type SnapshotReason,
  type Tick,
} from '../../protocol/index.ts';
import type { AdapterMixin, Announcement, TickStore } from '../backplane/contract.ts';
import { assert } from '../support/assert.ts';
import { backoffMs } from '../support/backoff.ts';
import type { Clock } from '../support/clock.ts';
import type { Log } from '../support/log.ts';
import { createDoor } from './adapter-mixin.ts';
import { createCoalescer, type CoalescerCounters, type EnginePacket } from './coalescer.ts';
import { missingInternals, writeTogether, type RawSocket } from './engine-internals.ts';
import { createSequencer, type Sequencer } from './sequencer.ts';
import { createStoreReader } from './store-reader.ts';
import { createTickEmitter, type TickEmitter } from './tick-emitter.ts';
import { createTiers } from './tiers.ts';

/**
 * The store that holes are mended from, the limits, and who is told. Of a tick `onArrived` fires first and `onWritten` last; one
 * that came from the store has no `onArrived`.
 */
export interface FanoutOptions {
  tickStore: Pick<TickStore, 'read'>;
  /** The most ticks of a symbol that are sent again to one who missed them. */
  maxReplayTicks: number;
  clock: Clock;
  log: Log;
  /** Fires when everyone who listens to the symbol on this replica must start again from the quote. */
  onSnapshot: (quote: Quote, reason: Exclude<SnapshotReason, 'subscribe'>) => void;
  /** Fires after a hole was mended, with the number of ticks that came from history, or null where they are gone. */
  onRepair: (ticks: number | null) => void;
  /** A client that takes nothing for this long while ticks wait for it is too slow, in milliseconds. */
  slowClientMs: number;
  /** Fires once for each client that is too slow; nothing more is written to it by this stage. */
  onTooSlow: (socketId: string) => void;
  /** Fires with each tick as it comes here, in whatever order, where somebody listens to its symbol. */
  onArrived: (tick: Tick) => void;
  /** Fires with the number of ticks in a write, and how many writes had as many. */
  onWrites: (ticks: number, writes: number) => void;
  /** Fires with the ticks of each turn after they were written, by room; once a tick, not once a socket. */
  onWritten: (ticks: readonly { room: string; tick: Tick }[]) => void;
}

/** What came here and went out since the start. */
export interface FanoutCounters extends CoalescerCounters {
  /** Symbols of which somebody here gets ticks now. */
  symbols: number;
  /** Ticks that came here, of symbols that somebody listens to. */
  arrived: number;
}

/** One replica's fan-out. Before `attach` it emits nothing, and `open` is a bug; a second `attach` is one too. */
export interface Fanout {
  counters(): Readonly<FanoutCounters>;
  /** How many clients are in each tick room that has any. */
  clientsByRoom(): ReadonlyMap<string, number>;
  /**
   * A snapshot of these symbols goes to this client in this step: what is queued goes out first, and what waits for it of
   * them is dropped. What the step writes to it leaves in one write.
   */
  beforeSnapshot(socketId: string, symbols: Iterable<string>): void;
  /** Writes ticks to one client in this turn, in one piece; resolves when it has taken them, or is gone. */
  writeTo(socketId: string, ticks: readonly Tick[]): Promise<void>;
  /** Tells `heartbeat` to everyone who got nothing for `ms`. */
  beat(ms: number): void;
  /**
   * Takes a client that is no Socket.IO socket and speaks plainly. It is in no room of the adapter: `join` and `leave` are its
   * rooms, which end with `dismiss`.
   */
  admit(client: RawSocket): void;
  join(clientId: string, room: string): void;
  leave(clientId: string, room: string): void;
  dismiss(clientId: string): void;
  /** Wraps the adapter that ticks arrive by. */
  readonly mixin: AdapterMixin;
  /** Emits the leader's tick to everyone who gets each tick of its symbol, on every replica. */
  emit(tick: Tick): void;
  /** Joins the namespace whose adapter was wrapped. Once, before the first `open`. */
  attach(nsp: Namespace): void;
  /** The sequencer of the symbol, made when it is the first need for it. It is kept while the room has members. */
  open(symbol: string): Sequencer;
  /**
   * Asks for one who was told the symbol's head in this turn and is not in the room of that rate: true where it may join now.
   * Else `join` is called once, when it may.
   */
  enter(symbol: string, everyMs: number, member: string, join: () => void): boolean;
  /**
   * Whether one who was at this position may go on from there: false where it was in another generation, or is ahead of the
   * store. Then the head is known. Rejects when the store does not answer.
   */
  reaches(symbol: string, position: Position): Promise<boolean>;
  /**
   * The ticks that one who was at this position has missed, up to the symbol's head or beyond it; null where they are not all
   * to be had. Rejects when the store does not answer.
   */
  missedSince(symbol: string, position: Position): Promise<Tick[] | null>;
  /**
   * The symbol gets no more ticks: resolves when the last one is out to everyone here, those of slower rates too. Where the store
   * does not answer, the last that came.
   */
  finish(symbol: string): Promise<void>;
  /** Takes the leader's word for the heads: symbols that are behind read what they missed. */
  expect(heads: Announcement['heads']): void;
  /** Reads the store again for every symbol: the link was down and ticks may be missing. */
  resync(): void;
  close(): void;
}

/** The member that keeps a room alive on this replica: the Redis adapter drops packets for rooms without one undecoded. */
const phantom = '#sequencer';
/** A symbol that nobody has listened to for one to two of these is let go, in milliseconds. */
const idleSweepMs = 5_000;

/** From now on, until `close`, looks for symbols that nobody here listens to any more; all else begins with `attach`. */
export function createFanout({
  tickStore,
  maxReplayTicks,
  clock,
  log,
  onSnapshot,
  onRepair,
  slowClientMs,
  onTooSlow,
  onArrived,
  onWrites,
  onWritten,
}: FanoutOptions): Fanout {
  const sequencers = new Map<string, Sequencer>();
  const idle = new Set<string>();
  const read = createStoreReader({ tickStore, maxMissed: maxReplayTicks });
  let namespace: Namespace | null = null;
  let emitter: TickEmitter | null = null;

  const tiers = createTiers({
    clock,
    headOf: (symbol) => sequencers.get(symbol)?.head(),
    hasMembers: (room) => coalescer.hasClients(room),
    emit: (room, tick) => emitter?.here(room, tick),
  });

  let arrived = 0;
  /** True while a tick is emitted that its sequencer let pass already. */
  let hasPassed = false;

  const coalescer = createCoalescer({
    clock,
    slowClientMs,
    onTooSlow,
    onWrites,
    onWritten,
  });
  const mixin = createDoor({
    onTick: (delivery) => {
      const { tick, room } = delivery;
      // Only the room of every tick is a sequencer's; what goes to a tier's was let pass already.
      const sequencer = hasPassed || tierOfRoom(room) !== 0 ? undefined : sequencers.get(tick.symbol);
      if (sequencer === undefined) {
        coalescer.enqueue(delivery);
        return;
      }
      arrived++;
      onArrived(tick);
      sequencer.accept(tick, () => coalescer.enqueue(delivery));
    },
    beforeOther: () => coalescer.flush(),
    beforeOtherTo: (id) => coalescer.give(id),
    onOpened: (id) => {
      const socket = rawSocket(id);
      if (socket === undefined) return;
      coalescer.opened(socket);
      // It is told so next, and greeted.
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
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- its internals are looked at before they are used
    return namespace?.sockets.get(id) as unknown as RawSocket | undefined;
  }

  /** One listener for all plain connections: `this` tells which. */
  function onPlainFlush(this: object, packets: EnginePacket[]): void {
    coalescer.onEngineFlush(this, packets);
  }

  function deliverFromHistory(tick: Tick): void {
    hasPassed = true;
    emitter?.here(tickRoom(tick.symbol), tick);
    hasPassed = false;
  }

  function open(symbol: string): Sequencer {
    idle.delete(symbol);
    const existing = sequencers.get(symbol);
    if (existing !== undefined) return existing;
    assert(namespace !== null, 'the fan-out is attached before the first symbol is opened');
    void namespace.adapter.addAll(phantom, new Set([tickRoom(symbol)]));
    const sequencer = createSequencer({
      symbol,
      clock,
      read: (after) => read(symbol, after),
      deliver: deliverFromHistory,
      onPass: (tick) => tiers.accept(tick),
      onSnapshot: (quote, reason) => {
        coalescer.flush();
        coalescer.forget(symbol);
        tiers.restart(symbol);
        onSnapshot(quote, reason);
      },
      onRepair: (ticks) => {
        onRepair(ticks);
        const what = ticks === null ? 'ticks are gone: a snapshot took their place' : 'a hole was mended';
        log.debug({ ticks, symbol }, what);
      },
      onReadError: (error) => log.debug({ err: error, symbol }, 'the store could not be read; trying again'),
      retryMs: (attempt) => backoffMs(attempt, { baseMs: 100, maxMs: 1_000 }),
    });
    sequencers.set(symbol, sequencer);
    return sequencer;
  }

  async function reaches(symbol: string, [gen, seq]: Position): Promise<boolean> {
    const sequencer = open(symbol);
    const reached = (): boolean => sequencer.gen() === gen && seq <= (sequencer.head()?.seq ?? 0);
    await sequencer.ready();
    // Another replica may have been ahead of this one.
    if (!reached()) await sequencer.resync();
    return reached();
  }

  async function missedSince(symbol: string, position: Position): Promise<Tick[] | null> {
    if (!(await reaches(symbol, position))) return null;
    const atHand = open(symbol).passedAfter(position[1]);
    if (atHand !== null) return atHand.length <= maxReplayTicks ? atHand : null;
    return (await read(symbol, position)).missed;
  }

  function sweep(): void {
    for (const [symbol, sequencer] of sequencers) {
      if (limits.offeredEveryMs.some((everyMs) => coalescer.hasClients(tickRoom(symbol, everyMs))))
        idle.delete(symbol);
      else if (!idle.has(symbol)) idle.add(symbol);
      else {
        idle.delete(symbol);
        sequencers.delete(symbol);
        sequencer.close();
        void namespace?.adapter.del(phantom, tickRoom(symbol));
      }
    }
  }
  const stopSweeping = clock.every(idleSweepMs, sweep);

  return {
    mixin,
    counters: () => ({ ...coalescer.counters(), symbols: sequencers.size, arrived }),
    clientsByRoom: () => coalescer.clientsByRoom(),
    beforeSnapshot: (socketId, symbols) => {
      coalescer.flush();
      for (const symbol of symbols) coalescer.forget(symbol, socketId);
      const socket = rawSocket(socketId);
      if (socket !== undefined) writeTogether(socket.conn);
    },
    writeTo: (socketId, ticks) => coalescer.writeTo(socketId, ticks),
    admit: (client) => {
      coalescer.opened(client, 'plain');
      client.conn.on('flush', onPlainFlush);
    },
    join: (id, room) => {
      // What was emitted before is for those who were there.
      coalescer.flush();
      coalescer.joined(id, room);
    },
    leave: (id, room) => {
      coalescer.flush();
      onLeft(id, room);
    },
    dismiss: (id) => coalescer.gone(id),
    beat: (ms) => coalescer.writeToSilent(ms, 'heartbeat', () => ({ at: clock.now() })),
    attach: (nsp) => {
      assert(namespace === null, 'the fan-out is attached once');
      namespace = nsp;
      emitter = createTickEmitter(nsp);
      const missing = missingInternals();
      if (missing.length > 0)
        log.warn(
          { missing },
          'ticks go out by Socket.IO itself, one write each: not the library that is known',
        );
      nsp.server.engine.on('flush', (connection: object, packets: EnginePacket[]) =>
        coalescer.onEngineFlush(connection, packets),
      );
    },
    emit: (tick) => emitter?.everywhere(tickRoom(tick.symbol), tick),
    open,
    enter: (symbol, everyMs, member, join) => tiers.enter(symbol, everyMs, member, join),
    reaches,
    missedSince,
    finish: async (symbol) => {
      await sequencers.get(symbol)?.resync();
      tiers.finish(symbol);
    },
    expect: (heads) => {
      for (const [symbol, gen, seq] of heads) sequencers.get(symbol)?.expect(gen, seq);
    },
    resync: () => {
      for (const sequencer of sequencers.values()) void sequencer.resync();
    },
    close: () => {
      stopSweeping();
      tiers.close();
      for (const sequencer of sequencers.values()) sequencer.close();
      sequencers.clear();
      coalescer.close();
    },
  };
}
