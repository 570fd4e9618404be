import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addDecimals, maxDecimal, minDecimal, type Tick } from '../../protocol/index.ts';
import {
  createFakeConnection,
  type FakeConnectionOptions,
} from '../../test/support/stand-ins/fake-connection.ts';
import { GroupWrite } from './group-write.ts';
import type { OutletCounters } from './outlet-counters.ts';
import { Outlet, type OutletStage } from './outlet.ts';
import { PieceMemory } from './piece-memory.ts';
import { bytesOf, encodeTick, type TickFrame } from './tick-frames.ts';

function tick(symbol: string, seq: number, more: Partial<Tick> = {}): Tick {
  return { symbol, gen: 'gen001', seq, ts: 0, price: String(seq), ...more };
}

/** An outlet on a fake connection, with the ticks that Socket.IO's own way was asked to deliver. */
function setUp(options: FakeConnectionOptions = {}) {
  const connection = createFakeConnection(options);
  const counters: OutletCounters = { deliveries: 0, writes: 0, slowWrites: 0, conflated: 0, direct: 0 };
  let pings = 0;
  const makePing = (): number => ++pings;
  const behind = new Set<Outlet>();
  const slowWrites: [ticks: number, writes: number][] = [];
  const stage: OutletStage = {
    counters,
    makePing,
    memory: new PieceMemory(),
    onBehind: (one) => void behind.add(one),
    onSlowWrites: (ticks, writes) => void slowWrites.push([ticks, writes]),
  };
  const outlet = new Outlet(connection.socket, stage, 0);
  const pong = (payload: unknown): void => void outlet.answered(payload, now);
  let now = 100_000;
  outlet.useTransport(pong, now);

  function write(...ticks: Tick[]): void {
    const frames = ticks.map((one) => encodeTick(one));
    outlet.write(new GroupWrite(frames, stage), now);
  }

  return {
    ...connection,
    outlet,
    counters,
    behind,
    slowWrites,
    write,
    /** Writes ticks of FULL until the client must answer first; gives the last seq. */
    fill: (): number => {
      let seq = 0;
      while (outlet.isIdle() && seq < 10_000) write(tick('FULL', ++seq));
      return seq;
    },
    writeAll: (frames: TickFrame[]) => outlet.writeAll(frames, bytesOf(frames), now),
    pass: (ms: number) => (now += ms),
    upgrade: () => {
      connection.upgrade();
      outlet.useTransport(pong, now);
    },
    sweep: () => outlet.release(now),
    now: () => now,
  };
}

const framesFrom = (first: number, count: number): TickFrame[] =>
  Array.from({ length: count }, (_, index) => encodeTick(tick('A', first + index)));
const seqs = (ticks: readonly Tick[]): string[] => ticks.map(({ symbol, seq }) => `${symbol}${seq}`);

describe('Outlet', () => {
  it('[F3] a client that keeps up gets the piece of its group, in one write', () => {
    const { write, writes, counters, outlet } = setUp();
    write(tick('A', 1), tick('B', 1), tick('A', 2));
    write(tick('A', 3));
    expect(writes.map(seqs)).toEqual([['A1', 'B1', 'A2'], ['A3']]);
    expect(counters).toEqual({ deliveries: 4, writes: 2, slowWrites: 0, conflated: 0, direct: 4 });
    expect(outlet.isIdle()).toBe(true);
  });

  it('[SL1][SL2] beyond the window the newest tick of each symbol waits, until the client answered', () => {
    const { fill, write, writes, ticks, bytes, pong, counters, behind, slowWrites, outlet } = setUp();
    const last = fill();
    const before = { ticks: ticks().length, bytes: bytes() };
    expect(before.ticks).toBe(last - 1);
    expect(behind.has(outlet)).toBe(true);
    for (let seq = last + 1; seq <= last + 50; seq++) write(tick('FULL', seq), tick('LATE', seq));
    expect([ticks().length, bytes()]).toEqual([before.ticks, before.bytes]);
    pong();
    expect(writes.at(-1)).toMatchObject([
      { symbol: 'FULL', seq: last + 50, merged: 50, high: String(last + 50), low: String(last) },
      { symbol: 'LATE', seq: last + 50, merged: 49 },
    ]);
    expect(counters.conflated).toBe(99);
    expect([slowWrites, counters.slowWrites]).toEqual([[[2, 1]], 1]);
    expect(outlet.isIdle()).toBe(true);
  });

  it('[SL2] who waits longest goes first, and a newer tick keeps the place of the older', () => {
    const { fill, write, ticks, pong, outlet } = setUp();
    fill();
    const sent = ticks().length;
    // More than one answer makes room for.
    const wide = { price: '1'.repeat(1_500) };
    const symbols = Array.from({ length: 40 }, (_, index) => `S${index}`);
    for (const symbol of symbols) write(tick(symbol, 1, wide));
    for (const symbol of symbols.toReversed()) write(tick(symbol, 2, wide));
    let answers = 0;
    for (; !outlet.isIdle() && answers < 100; answers++) pong();
    expect(answers).toBeGreaterThan(1);
    expect(seqs(ticks().slice(sent + 1))).toEqual(symbols.map((symbol) => `${symbol}2`));
  });

  it('[SL2] a tick larger than the window goes alone, and nothing waits behind it for ever', () => {
    const { fill, write, ticks, pong, outlet } = setUp();
    fill();
    write(tick('HUGE', 1, { price: '1'.repeat(200_000) }), tick('A', 1));
    for (let answers = 0; !outlet.isIdle() && answers < 10; answers++) pong();
    expect(seqs(ticks().slice(-2))).toEqual(['HUGE1', 'A1']);
  });

  it('[SL2] what is forgotten does not come, and the rest does', () => {
    const { fill, write, ticks, pong, outlet } = setUp();
    const last = fill();
    const sent = ticks().length;
    write(tick('A', 1), tick('B', 1));
    outlet.forget('A');
    outlet.forget('UNKNOWN');
    outlet.forget('FULL');
    pong();
    expect(seqs(ticks().slice(sent))).toEqual(['B1']);
    write(tick('FULL', last + 1));
    expect(ticks().at(-1)).toEqual(tick('FULL', last + 1));
  });

  it('[SL2][W4] whenever the client answers, merged ticks leave no hole and say all that they stand for', () => {
    const step = fc.oneof(
      fc.record({ tick: fc.constantFrom('A', 'B', 'C'), price: fc.integer({ min: 1, max: 999 }) }),
      fc.record({ answers: fc.nat(3), afterMs: fc.nat(400) }),
    );
    fc.assert(
      fc.property(
        fc.constantFrom('websocket', 'polling'),
        fc.array(step, { maxLength: 80 }),
        (transport, steps) => {
          const { write, ticks, pong, poll, pass, sweep, outlet } = setUp({ transport });
          const take = (answers?: number): void => {
            if (transport === 'polling') poll();
            else pong(answers);
            sweep();
          };
          const emitted = new Map<string, Tick[]>();
          const room = '0'.repeat(1_500);
          for (const one of steps) {
            if ('tick' in one) {
              const sent = emitted.get(one.tick) ?? [];
              emitted.set(one.tick, sent);
              // So wide that the window is full after some.
              const next = tick(one.tick, sent.length + 1, { price: `${one.price}.${room}`, size: '0.1' });
              sent.push(next);
              write(next);
            } else {
              pass(one.afterMs);
              take(one.answers);
            }
          }
          for (let answers = 0; !outlet.isIdle() && answers < 200; answers++) take();
          for (const [symbol, sent] of emitted) {
            let last = 0;
            for (const got of ticks().filter((each) => each.symbol === symbol)) {
              const covered = sent.slice(got.seq - 1 - (got.merged ?? 0), got.seq);
              expect(got.seq - (got.merged ?? 0)).toBe(last + 1);
              expect(got.price).toBe(covered.at(-1)?.price);
              expect(got.high ?? got.price).toBe(covered.map(({ price }) => price).reduce(maxDecimal));
              expect(got.low ?? got.price).toBe(covered.map(({ price }) => price).reduce(minDecimal));
              expect(got.size).toBe(covered.map(() => '0.1').reduce(addDecimals));
              last = got.seq;
            }
            expect(last).toBe(sent.length);
          }
        },
      ),
    );
  });

  it('[SL2] a new generation takes the place of the old one', () => {
    const { fill, write, ticks, pong } = setUp();
    fill();
    write(tick('A', 7), tick('A', 1, { gen: 'gen002' }), tick('A', 2, { gen: 'gen002' }));
    pong();
    expect(ticks().at(-1)).toMatchObject({ gen: 'gen002', seq: 2, merged: 1 });
  });

  it('[SL3] is stuck since its oldest ping without an answer, and only while something waits', () => {
    const { fill, now, pass, write, pong, outlet } = setUp();
    expect(outlet.stuckSince()).toBeNull();
    const since = now();
    fill();
    pass(5_000);
    write(tick('A', 1));
    expect(outlet.stuckSince()).toBe(since);
    pong(1);
    pass(1_000);
    expect(outlet.stuckSince() ?? now()).toBeGreaterThanOrEqual(since);
    pong();
    expect([outlet.isIdle(), outlet.stuckSince()]).toEqual([true, null]);
  });

  it('[SL1][SL3] polling: the next poll takes what waits in one answer; without one it is stuck since the first', () => {
    const { write, writes, poll, sweep, pass, now, outlet } = setUp({ transport: 'polling' });
    write(tick('A', 1), tick('B', 1));
    expect(writes.map(seqs)).toEqual([['A1', 'B1']]);
    const since = now();
    write(tick('A', 2));
    pass(1_000);
    write(tick('A', 3), tick('B', 2));
    expect([writes.length, outlet.stuckSince()]).toEqual([1, since]);
    poll();
    sweep();
    expect(writes.at(-1)).toEqual([tick('A', 3, { merged: 1, high: '3', low: '2' }), tick('B', 2)]);
    expect(outlet.isIdle()).toBe(true);
  });

  it('[F5] an upgrade gives out what waited for a poll, with a whole window, and pongs count from then', () => {
    const { write, ticks, upgrade, pong, outlet } = setUp({ transport: 'polling' });
    write(tick('A', 1));
    write(tick('A', 2));
    outlet.wroteOther(1_000_000);
    expect(seqs(ticks())).toEqual(['A1']);
    upgrade();
    expect([seqs(ticks()), outlet.isIdle()]).toEqual([['A1', 'A2'], true]);
    for (let seq = 3; seq < 1_000; seq++) {
      write(tick('A', seq));
      pong();
    }
    expect(ticks()).toHaveLength(999);
    expect(ticks().some(({ merged }) => merged !== undefined)).toBe(false);
  });

  it('[F5] an upgrade to a WebSocket that takes no prepared frames loses nothing of what waited', () => {
    const { write, ticks, upgrade, outlet } = setUp({ transport: 'polling', takesFrames: false });
    write(tick('A', 1));
    write(tick('A', 2), tick('B', 1));
    upgrade();
    write(tick('A', 3));
    expect(seqs(ticks())).toEqual(['A1', 'A2', 'B1', 'A3']);
    expect(outlet.isIdle()).toBe(true);
  });

  it('[F4][F5] who is watched from now on gets first what was held, then each tick by Socket.IO', () => {
    const { fill, write, ticks, watch, outlet } = setUp();
    const last = fill();
    const sent = ticks().length;
    watch(true);
    write(tick('FULL', last + 1), tick('FULL', last + 2));
    expect(seqs(ticks().slice(sent))).toEqual([`FULL${last}`, `FULL${last + 1}`, `FULL${last + 2}`]);
    expect(outlet.isIdle()).toBe(true);
  });

  it('[RC3] a replay is written whole, and its promise waits for the client to take it', async () => {
    const { writeAll, writes, pong } = setUp();
    let isTaken = false;
    const taken = writeAll(framesFrom(1, 300)).then(() => (isTaken = true));
    expect(writes.map((ticks) => ticks.length)).toEqual([300]);
    await Promise.resolve();
    expect(isTaken).toBe(false);
    pong();
    await taken;
  });

  it('[RC3] a replay to one who is watched goes by Socket.IO, and counts', async () => {
    const { writeAll, watch, ticks, counters } = setUp();
    watch(true);
    await writeAll(framesFrom(1, 2));
    expect(seqs(ticks())).toEqual(['A1', 'A2']);
    expect(counters).toMatchObject({ deliveries: 2, writes: 2, slowWrites: 2 });
  });

  it('[RC3] a short replay waits for nothing; one to a client that goes away is over', async () => {
    const { writeAll, outlet } = setUp();
    await expect(writeAll(framesFrom(1, 1))).resolves.toBeUndefined();
    const taken = writeAll(framesFrom(2, 300));
    outlet.close();
    await expect(taken).resolves.toBeUndefined();
  });
});
