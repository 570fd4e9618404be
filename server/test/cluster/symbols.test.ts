/** The list of symbols changed in a cluster: clients of every replica, and a leader that is killed. */
import { describe, expect, it } from 'vitest';
import type { SubscribeAck, SymbolsChange, Tick } from '../../protocol/index.ts';
import type { Recorder } from '../support/recorder.ts';
import { until } from '../support/until.ts';
import { apiKey, push, shortLease, startClusterForFile } from './cluster-under-test.ts';

const theCluster = startClusterForFile({ env: shortLease });

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

/** Changes of the list and ticks of that symbol, in the order of arrival. */
const heard = ({ events }: Recorder, symbol: string): string[] =>
  events.flatMap(({ event, payload }) => {
    if (event === 'symbols') return [JSON.stringify(payload)];
    return event === 'tick' && (payload as Tick).symbol === symbol ? [`tick ${(payload as Tick).seq}`] : [];
  });

describe('the list of symbols', () => {
  it('[LS1][LS2][LS4] changes at any replica, clients of every replica hear of it, and seq goes on', async () => {
    const cluster = theCluster();
    const [one = '', two = '', three = ''] = cluster.replicas.map(({ url }) => url);
    const clients = [one, two, three].map((url) => cluster.connect({}, url));
    for (const client of clients) await client.seen('feed');

    expect(await change(one, 'PUT', 'NEW-USD')).toBe(201);
    // The push works at once, before the other replicas hear of the change.
    expect((await push(two, [{ symbol: 'NEW-USD', price: '9' }])).status).toBe(200);
    for (const client of clients) {
      await client.seen('symbols');
      expect(news(client)).toEqual([{ added: ['NEW-USD'], retired: [] }]);
      expect(await resultOf(client, 'NEW-USD')).toMatchObject({ ok: true, seq: 1 });
    }
    expect(await change(two, 'PUT', 'NEW-USD')).toBe(200);
    const first = await pushed(three, 'NEW-USD', '10');
    const second = await pushed(two, 'NEW-USD', '11');
    expect([first.seq, second.seq]).toEqual([2, 3]);

    expect(await change(three, 'DELETE', 'NEW-USD')).toBe(200);
    for (const client of clients) {
      await client.seen('symbols', 2);
      expect(heard(client, 'NEW-USD')).toEqual([
        '{"added":["NEW-USD"],"retired":[]}',
        'tick 2',
        'tick 3',
        '{"added":[],"retired":["NEW-USD"]}',
      ]);
      expect(await resultOf(client, 'NEW-USD')).toMatchObject({ ok: false, name: 'retired', retry: 'never' });
    }
    for (const url of [one, two, three])
      expect((await push(url, [{ symbol: 'NEW-USD', price: '1' }])).status).toBe(410);

    expect(await change(two, 'PUT', 'NEW-USD')).toBe(201);
    for (const client of clients) {
      await client.seen('symbols', 3);
      expect(await resultOf(client, 'NEW-USD')).toMatchObject({ ok: true, gen: first.gen, seq: 3 });
    }
    expect(await pushed(one, 'NEW-USD', '12')).toMatchObject({ gen: first.gen, seq: 4 });
    for (const client of clients) {
      await client.seen('tick', 3);
      expect(client.ticks('NEW-USD').at(-1)).toMatchObject({ gen: first.gen, seq: 4, price: '12' });
      expect(client.faults()).toEqual([]);
    }
  });

  it('[LS5] survives its leader, and a new replica knows it before it is ready', async () => {
    const cluster = theCluster();
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
    const before = await pushed(leader.url, 'NEXT-USD', '10');
    for (const client of clients) await client.seen('symbols', 2);
    const counts = clients.map((client) => client.ticks('BTC-USD').length);
    await leader.kill('SIGKILL');

    const url = survivors[0]?.url ?? '';
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
