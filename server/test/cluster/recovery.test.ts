import { describe, expect, it, onTestFinished } from 'vitest';
import { createStream } from '../../../client/src/stream/index.ts';
import type { Tick } from '../../protocol/index.ts';
import { until } from '../support/until.ts';
import { push, startClusterUnderTest } from './cluster-under-test.ts';

const symbols = ['BTC-USD', 'AAPL', 'DEMO'];

/** A client of our library, and every tick it was given. */
function follow(url: string) {
  const ticks: Tick[] = [];
  const snapshots: string[] = [];
  let node: string | undefined;
  const stream = createStream({
    url,
    onHello: (hello) => (node = hello.node),
    onSnapshot: (_, reason) => snapshots.push(reason),
    onTick: (tick) => ticks.push(tick),
  });
  stream.subscribe(symbols);
  onTestFinished(() => stream.close());
  return { ticks, snapshots, stream, node: () => node };
}

/** The steps of seq that are not 1, in words: with one snapshot at the start there may be none. */
function jumps(ticks: readonly Tick[]): string[] {
  const heads = new Map<string, Tick>();
  return ticks.flatMap((tick) => {
    const before = heads.get(tick.symbol);
    heads.set(tick.symbol, tick);
    const follows = before === undefined || (before.gen === tick.gen && tick.seq === before.seq + 1);
    return follows ? [] : [`${tick.symbol} ${before.gen}:${before.seq} -> ${tick.gen}:${tick.seq}`];
  });
}

describe('recovery across the cluster', () => {
  it(
    '[RC1][SQ8] whichever replica is killed, the leader too: every client gets every tick, once and in order',
    { timeout: 120_000 },
    async () => {
      const cluster = await startClusterUnderTest();
      const clients = Array.from({ length: 12 }, () => follow(cluster.url));
      await until(() => clients.every(({ ticks }) => ticks.length > 10), { withinMs: 15_000 });

      for (let round = 0; round < 3; round++) {
        const leader = await cluster.leader();
        const victim = round === 1 ? cluster.replicas.find((replica) => replica !== leader) : leader;
        await push(cluster.url, [{ symbol: 'DEMO', price: `${round + 1}` }]);
        await victim?.kill('SIGKILL');
        const counts = clients.map(({ ticks }) => ticks.length);
        await until(() => clients.every(({ ticks }, index) => ticks.length > (counts[index] ?? 0) + 20), {
          withinMs: 20_000,
        });
        await victim?.restart();
      }
      const heads = (await (await fetch(`${cluster.url}/api/ticks?symbols=${symbols.join(',')}`)).json()) as {
        quotes: { symbol: string; seq: number }[];
      };
      await until(
        () =>
          clients.every(({ ticks }) =>
            heads.quotes.every(({ symbol, seq }) =>
              ticks.some((tick) => tick.symbol === symbol && tick.seq >= seq),
            ),
          ),
        {
          saw: () => clients.map(({ ticks }) => ticks.length),
        },
      );

      expect(clients.flatMap(({ ticks }) => jumps(ticks))).toEqual([]);
      expect(
        clients.flatMap(({ snapshots }) => snapshots.filter((reason) => reason !== 'subscribe')),
      ).toEqual([]);
      for (const { stream, ticks } of clients) {
        expect(stream.counters().duplicates).toBe(0);
        expect(
          ticks.filter(({ symbol }) => symbol === 'DEMO').map(({ seq, price }) => `${seq} ${price}`),
        ).toEqual(['1 1', '2 2', '3 3']);
      }
      const payloads = new Map<string, string>();
      for (const tick of clients.flatMap(({ ticks }) => ticks)) {
        const key = `${tick.gen} ${tick.symbol} ${tick.seq}`;
        expect(payloads.get(key) ?? JSON.stringify(tick)).toBe(JSON.stringify(tick));
        payloads.set(key, JSON.stringify(tick));
      }
    },
  );
});
