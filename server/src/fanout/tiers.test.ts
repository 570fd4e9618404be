import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  applyTick,
  firstDay,
  tickRoom,
  type DayFigures,
  type Quote,
  type Tick,
} from '../../protocol/index.ts';
import { createManualClock } from '../../test/support/stand-ins/manual-clock.ts';
import { createTiers } from './tiers.ts';

const symbol = 'A';

type Figures = Pick<Tick, 'price' | 'size' | 'day'>;

/** Tiers of one symbol that ticks from price 1, seq 1; rooms have members as the test says. */
function setUp() {
  const clock = createManualClock();
  const rooms = new Map<string, Set<string>>();
  const emitted: { room: string; tick: Tick; members: string[] }[] = [];
  let onEmit: (told: (typeof emitted)[number]) => void = () => {};
  const first = { symbol, price: '1', gen: 'gen001', seq: 1, ts: 1, day: firstDay({ price: '1' }) };
  let head: Quote | null = applyTick(null, first);
  const tiers = createTiers({
    clock,
    headOf: () => head,
    hasMembers: (room) => (rooms.get(room)?.size ?? 0) > 0,
    emit: (room, tick) => {
      const told = { room, tick, members: [...(rooms.get(room) ?? [])] };
      emitted.push(told);
      onEmit(told);
    },
  });
  return {
    clock,
    tiers,
    emitted,
    onEmit: (listener: typeof onEmit) => void (onEmit = listener),
    headNow: () => {
      if (head === null) throw new Error('there is no price');
      return head;
    },
    setHead: (quote: Quote | null) => void (head = quote),
    tick: (figures: Figures) => {
      const seq = (head?.seq ?? 0) + 1;
      const tick: Tick = { symbol, gen: 'gen001', seq, ts: seq, ...figures };
      head = applyTick(head, tick);
      tiers.accept(tick);
    },
    join: (member: string, everyMs: number) => {
      const room = tickRoom(symbol, everyMs);
      const enter = () => rooms.set(room, (rooms.get(room) ?? new Set()).add(member));
      if (tiers.enter(symbol, everyMs, member, enter)) enter();
    },
    leave: (member: string, everyMs: number) => void rooms.get(tickRoom(symbol, everyMs))?.delete(member),
  };
}

/** Each emitted tick as its room, seq, and how many ticks are merged into it. */
const shown = (emitted: readonly { room: string; tick: Tick }[]) =>
  emitted.map(
    ({ room, tick: { seq, merged } }) => `${room} ${seq}${merged === undefined ? '' : ` +${merged}`}`,
  );

describe('createTiers', () => {
  it('[LS2] tells at once what waits of a symbol that gets no more ticks', async () => {
    const { clock, tiers, tick, join, emitted } = setUp();
    join('one', 1_000);
    join('two', 5_000);
    tick({ price: '2' });
    tick({ price: '3' });
    tiers.finish(symbol);
    expect(shown(emitted)).toEqual(['tick:A@1000 3 +1', 'tick:A@5000 3 +1']);
    tiers.finish('B');
    await clock.advance(10_000);
    expect(emitted).toHaveLength(2);
  });

  it('[RT1] a room gets the newest tick of its period, merged, and nothing where there was none', async () => {
    const { clock, tick, join, emitted } = setUp();
    join('one', 250);
    tick({ price: '5', size: '1.5' });
    tick({ price: '2', size: '1' });
    tick({ price: '3' });
    await clock.advance(249);
    expect(emitted).toEqual([]);
    await clock.advance(1);
    const merged = { merged: 2, high: '5', low: '2', size: '2.5' };
    expect(emitted[0]?.tick).toEqual({ symbol, gen: 'gen001', seq: 4, ts: 4, price: '3', ...merged });
    await clock.advance(1_000);
    tick({ price: '4' });
    await clock.advance(250);
    expect(shown(emitted)).toEqual(['tick:A@250 4 +2', 'tick:A@250 5']);
  });

  it('[RT1] each rate has its own period, and a first member begins at the head', async () => {
    const { clock, tick, join, emitted } = setUp();
    tick({ price: '2' });
    join('slow', 1_000);
    tick({ price: '3' });
    await clock.advance(750);
    join('fast', 250);
    tick({ price: '4' });
    await clock.advance(250);
    expect(shown(emitted)).toEqual(['tick:A@1000 4 +1', 'tick:A@250 4']);
  });

  it('runs no timer and holds no tick for a rate that nobody uses any more', async () => {
    const { clock, tick, join, leave, emitted, tiers } = setUp();
    join('one', 250);
    tick({ price: '2' });
    leave('one', 250);
    await clock.advance(250);
    expect(emitted).toEqual([]);
    expect(clock.timers()).toBe(0);
    join('two', 250);
    tick({ price: '3' });
    await clock.advance(250);
    expect(shown(emitted)).toEqual(['tick:A@250 3']);
    tiers.close();
    expect(clock.timers()).toBe(0);
  });

  it('[RT3] a tick that goes back before a snapshot carries the day, and who has it all is spared it', async () => {
    const { clock, tick, join, emitted, headNow } = setUp();
    join('old', 1_000);
    tick({ price: '2', size: '1' });
    join('new', 1_000);
    await clock.advance(1_000);
    expect(emitted[0]).toMatchObject({ tick: { seq: 2 }, members: ['old'] });
    expect(emitted[0]?.tick).not.toHaveProperty('day');
    tick({ price: '3', size: '1' });
    join('newer', 1_000);
    tick({ price: '4', size: '1' });
    await clock.advance(1_000);
    const { open, high, low, volume } = headNow();
    expect(emitted[1]).toMatchObject({
      tick: { seq: 4, merged: 1, day: { open, high, low, volume } },
      members: ['old', 'new', 'newer'],
    });
  });

  it('[RT3] a room that was empty begins at the head', async () => {
    const { clock, tick, join, leave, emitted } = setUp();
    join('one', 1_000);
    tick({ price: '2' });
    leave('one', 1_000);
    join('two', 1_000);
    tick({ price: '3' });
    await clock.advance(1_000);
    expect(shown(emitted)).toEqual(['tick:A@1000 3']);
  });

  it('[SQ7] a snapshot takes the place of what waited', async () => {
    const { clock, tick, join, emitted, tiers } = setUp();
    join('one', 250);
    tick({ price: '2' });
    join('two', 250);
    tiers.restart();
    await clock.advance(250);
    expect(emitted).toEqual([]);
    tick({ price: '3' });
    await clock.advance(250);
    expect(shown(emitted)).toEqual(['tick:A@250 3']);
    expect(emitted[0]?.members).toEqual(['one', 'two']);
  });

  it('[SQ4] nothing of a generation is told once it is over', async () => {
    const { clock, tick, join, emitted, setHead } = setUp();
    join('one', 250);
    tick({ price: '2' });
    setHead(null);
    await clock.advance(250);
    expect(emitted).toEqual([]);
  });

  it('[RT3][W3] whoever joins whenever: no hole, no repeat, and the quote is right after each tick', async () => {
    const price = fc.integer({ min: 1, max: 999 }).map((value) => (value / 10).toFixed(1));
    const day = price.map((open): DayFigures => firstDay({ price: open }));
    const step = fc.oneof(
      { weight: 6, arbitrary: fc.record({ price, size: price }, { requiredKeys: ['price'] }) },
      { weight: 1, arbitrary: fc.record({ price, size: price, day }) },
      {
        weight: 3,
        arbitrary: fc.record({
          member: fc.constantFrom('one', 'two', 'three', 'four'),
          everyMs: fc.constantFrom(250, 1_000, 1_000, 5_000, null),
        }),
      },
      { weight: 2, arbitrary: fc.record({ ms: fc.integer({ min: 1, max: 1_500 }) }) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const { clock, tick, join, leave, onEmit, headNow } = setUp();
        const members = new Map<string, { everyMs: number; quote: Quote }>();
        onEmit(({ room, tick: told, members: names }) => {
          for (const [name, member] of members) {
            if (tickRoom(symbol, member.everyMs) !== room || !names.includes(name)) continue;
            expect(told.seq).toBeGreaterThan(member.quote.seq);
            expect(told.seq - (told.merged ?? 0)).toBeLessThanOrEqual(member.quote.seq + 1);
            member.quote = applyTick(member.quote, told);
            expect({ ...member.quote, size: undefined }).toEqual({ ...headNow(), size: undefined });
          }
        });
        for (const one of steps) {
          if ('price' in one) tick(one);
          else if ('ms' in one) await clock.advance(one.ms);
          else {
            const before = members.get(one.member);
            if (before !== undefined) leave(one.member, before.everyMs);
            members.delete(one.member);
            if (one.everyMs === null) continue;
            join(one.member, one.everyMs);
            members.set(one.member, { everyMs: one.everyMs, quote: headNow() });
          }
        }
        await clock.advance(5_000);
        for (const { quote } of members.values()) expect(quote.seq).toBe(headNow().seq);
      }),
      { numRuns: 300 },
    );
  });
});
