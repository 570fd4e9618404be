import { describe, expect, it } from 'vitest';
import type { Quote, Tick } from '../../protocol/index.ts';
import { missedAsOne, missedUpToHead, replay } from './replay.ts';
import type { SymbolStream } from './streams.ts';

const tick = (seq: number): Tick => ({ symbol: 'A', price: `${seq}`, gen: 'gen001', seq, ts: seq });
const range = (from: number, to: number) =>
  Array.from({ length: Math.max(0, to - from + 1) }, (_, index) => tick(from + index));

/** A stream whose head is `head`, with the ticks from `oldest` at hand. */
function stream(head: number, oldest: number): SymbolStream {
  return {
    ready: async () => {},
    head: () => ({ seq: head }) as Quote,
    gen: () => 'gen001',
    passedAfter: (seq) => (seq === head ? [] : seq + 1 < oldest ? null : range(seq + 1, head)),
  };
}

const seqs = (ticks: readonly Tick[] | null) => ticks?.map(({ seq }) => seq) ?? null;

describe('missedUpToHead', () => {
  it('[SQ6] gives nothing newer than the head', () => {
    expect(seqs(missedUpToHead(range(6, 12), ['gen001', 5], stream(9, 9)))).toEqual([6, 7, 8, 9]);
  });

  it('[RC1] adds what passed since the store was read', () => {
    expect(seqs(missedUpToHead(range(6, 8), ['gen001', 5], stream(11, 9)))).toEqual([6, 7, 8, 9, 10, 11]);
    expect(seqs(missedUpToHead([], ['gen001', 11], stream(11, 11)))).toEqual([]);
  });

  it('[RC2] is all of it or nothing', () => {
    expect(missedUpToHead(range(6, 8), ['gen001', 5], stream(11, 10))).toBeNull();
    expect(missedUpToHead(null, ['gen001', 5], stream(11, 1))).toBeNull();
    expect(missedUpToHead(range(6, 11), ['gen000', 5], stream(11, 1))).toBeNull();
    expect(missedUpToHead([], ['gen001', 12], stream(11, 1))).toBeNull();
  });
});

describe('missedAsOne', () => {
  const day = { open: '1', high: '9', low: '1', volume: '7', prevClose: '2' };
  const at: SymbolStream = {
    ...stream(9, 9),
    head: () => ({ ...tick(9), ...day, size: '3', stale: false }),
  };

  it('[RT4] gives one tick for all, of which it knows the day alone', () => {
    expect(missedAsOne(['gen001', 5], at)).toEqual([{ ...tick(9), merged: 3, day }]);
    expect(missedAsOne(['gen001', 8], at)).toEqual([{ ...tick(9), merged: 0, day }]);
    expect(missedAsOne(['gen001', 9], at)).toEqual([]);
  });

  it('[RT4] gives nothing for a position that is none', () => {
    expect(missedAsOne(['gen001', 10], at)).toBeNull();
    expect(missedAsOne(['gen000', 5], at)).toBeNull();
    const unpriced: SymbolStream = { ...at, head: () => null };
    expect([missedAsOne(['gen001', 0], unpriced), missedAsOne(['gen001', 1], unpriced)]).toEqual([[], null]);
  });
});

describe('replay', () => {
  /** Replays ticks 6 to 8 to a client and lists what the client got, while its stream is as `at` says. */
  async function replayed(at: SymbolStream): Promise<string[]> {
    const seen: string[] = [];
    await replay({
      socket: { connected: true, join: (room) => void seen.push(`joined ${String(room)}`) },
      symbol: 'A',
      position: ['gen001', 5],
      ticks: range(6, 8),
      stream: at,
      isOver: () => false,
      write: async (ticks) => void seen.push(`ticks ${ticks.map(({ seq }) => seq).join()}`),
      sendSnapshot: (reason) => void seen.push(`snapshot ${reason}`),
    });
    return seen;
  }

  it('[RC1] writes the missed ticks, then what passed meanwhile, and joins behind them', async () => {
    expect(await replayed(stream(8, 6))).toEqual(['ticks 6,7,8', 'joined tick:A']);
    expect(await replayed(stream(10, 6))).toEqual(['ticks 6,7,8', 'ticks 9,10', 'joined tick:A']);
  });

  it('[RC3] sends a snapshot if ticks are gone that passed meanwhile', async () => {
    expect(await replayed(stream(12, 10))).toEqual(['ticks 6,7,8', 'snapshot gap', 'joined tick:A']);
    const renewed = { ...stream(1, 1), gen: () => 'gen002' };
    expect(await replayed(renewed)).toEqual(['ticks 6,7,8', 'snapshot generation', 'joined tick:A']);
  });
});
