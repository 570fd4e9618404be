/** The list of symbols changed in a cluster: clients of every replica, and a leader that is killed. */
import { describe, expect, it } from 'vitest';
import type { SubscribeAck, SymbolsChange } from '../../protocol/index.ts';
import type { Recorder } from '../support/clients/recorder.ts';
import { until } from '../support/until.ts';
import { apiKey, push, shortLease, startClusterUnderTest } from './cluster-under-test.ts';

async function change(url: string, method: 'PUT' | 'DELETE', symbol: string): Promise<number> {
  const answer = await fetch(`${url}/api/symbols/${symbol}`, { method, headers: { 'X-API-Key': apiKey } });
  await answer.arrayBuffer();
  return answer.status;
}

async function resultOf(client: Recorder, symbol: string): Promise<{ ok: boolean; name?: string }> {
  const answer: SubscribeAck = await client.subscribe([symbol]);
  if (!answer.ok) return answer;
  return answer.results[symbol] ?? { ok: false };
}

/** Pushes until a leader accepts it; returns the tick's generation and seq. */
async function pushed(url: string, symbol: string, price: string): Promise<{ gen: string; seq: number }> {
  return until(
    async () => {
      const answer = await push(url, [{ symbol, price }]).catch(() => null);
      if (answer?.status !== 200) return null;
      return ((await answer.json()) as { ticks: { gen: string; seq: number }[] }).ticks[0];
    },
    { withinMs: 10_000 },
  );
}

const news = (client: Recorder) => client.of<SymbolsChange>('symbols');

describe('the list of symbols', () => {
  it('[LS1][LS2][LS4][LS5] reaches every replica, survives its leader, and a new replica knows it before it is ready', async () => {
    const cluster = await startClusterUnderTest({ env: shortLease });
    const leader = await cluster.leader();
    const survivors = cluster.replicas.filter((replica) => replica !== leader);
    const clients = survivors.map(({ url }) => cluster.connect({}, url));
    for (const client of clients) {
      await client.seen('feed');
      await client.subscribe(['BTC-USD', 'ETH-USD']);
      await client.seen('tick', 2);
    }
    expect(await change(leader.url, 'PUT', 'NEXT-USD')).toBe(201);
    expect(await change(leader.url, 'DELETE', 'BTC-USD')).toBe(200);
    const url = survivors[0]?.url ?? '';
    // The push works at once, before this replica hears of the change.
    expect((await push(url, [{ symbol: 'NEXT-USD', price: '9' }])).status).toBe(200);
    const before = await pushed(leader.url, 'NEXT-USD', '10');
    for (const client of clients) {
      await client.seen('symbols', 2);
      expect(news(client).flatMap(({ added, retired }) => [...added, ...retired])).toEqual([
        'NEXT-USD',
        'BTC-USD',
      ]);
    }
    for (const replica of cluster.replicas)
      expect((await push(replica.url, [{ symbol: 'BTC-USD', price: '1' }])).status).toBe(410);
    const counts = clients.map((client) => client.ticks('BTC-USD').length);
    await leader.kill('SIGKILL');

    expect(await pushed(url, 'NEXT-USD', '11')).toEqual({ ...before, seq: before.seq + 1 });
    for (const [index, client] of clients.entries()) {
      // Ticks of another symbol of the source show that none of this one came.
      const others = client.ticks('ETH-USD').length;
      await until(() => client.ticks('ETH-USD').length > others + 3, { withinMs: 10_000 });
      expect(client.ticks('BTC-USD')).toHaveLength(counts[index] ?? NaN);
      expect(news(client)).toHaveLength(2);
      expect(client.faults()).toEqual([]);
    }

    const late = await cluster.addReplica();
    const client = cluster.connect({}, late.url);
    await client.seen('hello');
    expect(await resultOf(client, 'BTC-USD')).toMatchObject({ ok: false, name: 'retired' });
    expect(await resultOf(client, 'NEXT-USD')).toMatchObject({ ok: true, seq: before.seq + 1 });
    expect(news(client)).toEqual([]);

    // The killed replica knew the list before, and reads the changes since.
    expect(await change(url, 'PUT', 'BTC-USD')).toBe(201);
    for (const one of clients) {
      await one.seen('symbols', 3);
      const last = one.ticks('BTC-USD').at(-1);
      const answer = await one.subscribe({
        symbols: ['BTC-USD'],
        since: { 'BTC-USD': [last?.gen ?? '', last?.seq ?? 0] },
      });
      expect(answer).toMatchObject({ results: { 'BTC-USD': { ok: true, gen: last?.gen, recovered: true } } });
      await until(() => one.ticks('BTC-USD').some(({ seq }) => seq === (last?.seq ?? 0) + 1));
      expect(one.faults()).toEqual([]);
    }
    await leader.restart();
    const returned = cluster.connect({}, leader.url);
    await returned.seen('hello');
    expect(await resultOf(returned, 'BTC-USD')).toMatchObject({ ok: true });
    await returned.seen('tick', 1, 10_000);
  });
});
