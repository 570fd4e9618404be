import { describe, expect, it } from 'vitest';
import type { Quote, Tick } from '../../protocol/index.ts';
import type { TickPlace } from '../log/price-book.ts';
import { missedAsOne, replay } from './replay.ts';
import type { Prices } from './streams.ts';

const tick = (seq: number): Tick => ({ symbol: 'A', price: `${seq}`, gen: 'gen001', seq, ts: seq });
/** Stands for a tick of a batch. */
const place = (seq: number) => ({ place: seq }) as TickPlace;
const range = (from: number, to: number) =>
  Array.from({ length: Math.max(0, to - from + 1) }, (_, index) => place(from + index));

/** Prices whose last seq is `last`, with the ticks from `oldest` on in the window. */
function prices(last: number, oldest: number, gen = 'gen001'): Pick<Prices, 'gen' | 'missedSince'> {
  return {
    gen: () => gen,
    missedSince: (_symbol, [inGen, seq], max) =>
      inGen !== gen || (seq < last && seq + 1 < oldest) ? null : range(seq + 1, last).slice(0, max),
  };
}

describe('missedAsOne', () => {
  const day = { open: '1', high: '9', low: '1', volume: '7', prevClose: '2' };
  const quote: Quote = { ...tick(9), ...day, size: '3', stale: false };
  const at = (known: Quote | null) => ({
    gen: () => 'gen001',
    quote: () => known,
    seq: () => known?.seq ?? 0,
  });

  it('[RT4] gives one tick for all, of which it knows the figures of the day only', () => {
    expect(missedAsOne('A', ['gen001', 5], at(quote))).toEqual([{ ...tick(9), merged: 3, day }]);
    expect(missedAsOne('A', ['gen001', 8], at(quote))).toEqual([{ ...tick(9), merged: 0, day }]);
    expect(missedAsOne('A', ['gen001', 9], at(quote))).toEqual([]);
  });

  it('[RT4] gives nothing for a position of no known place', () => {
    expect(missedAsOne('A', ['gen001', 10], at(quote))).toBeNull();
    expect(missedAsOne('A', ['gen000', 5], at(quote))).toBeNull();
    expect(missedAsOne('A', ['gen001', 0], at(null))).toEqual([]);
    expect(missedAsOne('A', ['gen001', 1], at(null))).toBeNull();
  });
});

describe('replay', () => {
  /** Replays from seq 5 in slices of three, and lists what the client got. `onWrite` fires with each slice. */
  async function replayed(
    at: Pick<Prices, 'gen' | 'missedSince'>,
    onWrite: () => void = () => {},
  ): Promise<string[]> {
    const seen: string[] = [];
    await replay({
      socket: { join: (room) => void seen.push(`joined ${String(room)}`) },
      symbol: 'A',
      position: ['gen001', 5],
      prices: at,
      maxSlice: () => 3,
      isOver: () => false,
      write: async (ticks) => {
        seen.push(`ticks ${ticks.map((one) => one.place).join()}`);
        onWrite();
      },
      sendSnapshot: (reason) => void seen.push(`snapshot ${reason}`),
    });
    return seen;
  }

  it('[RC1] writes the missed ticks in slices, and joins behind the last one in the same step', async () => {
    expect(await replayed(prices(5, 1))).toEqual(['joined tick:A']);
    expect(await replayed(prices(8, 6))).toEqual(['ticks 6,7,8', 'joined tick:A']);
    expect(await replayed(prices(10, 6))).toEqual(['ticks 6,7,8', 'ticks 9,10', 'joined tick:A']);
  });

  it('[RC1] goes on with the ticks that followed while others were written', async () => {
    let last = 9;
    const growing = {
      gen: () => 'gen001',
      missedSince: (...args: Parameters<Prices['missedSince']>) => prices(last, 1).missedSince(...args),
    };
    const seen = await replayed(growing, () => void (last = Math.min(last + 1, 11)));
    expect(seen).toEqual(['ticks 6,7,8', 'ticks 9,10', 'joined tick:A']);
  });

  it('[RC3] sends a snapshot if ticks leave the window while others are written', async () => {
    let oldest = 6;
    const leaving = {
      gen: () => 'gen001',
      missedSince: (...args: Parameters<Prices['missedSince']>) => prices(12, oldest).missedSince(...args),
    };
    const seen = await replayed(leaving, () => void (oldest = 11));
    expect(seen).toEqual(['ticks 6,7,8', 'snapshot gap', 'joined tick:A']);
  });

  it('[SQ4] writes nothing of a generation that is over', async () => {
    expect(await replayed(prices(1, 1, 'gen002'))).toEqual(['snapshot generation', 'joined tick:A']);
  });
});
