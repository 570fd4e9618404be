/** The connections of all replicas, counted when somebody asks, and what the answer says while one replica hangs. */
import { expect, it, onTestFinished } from 'vitest';
import { createPlainClient } from '../support/clients/plain-client.ts';
import { until } from '../support/until.ts';
import { apiKey, startClusterUnderTest } from './cluster-under-test.ts';

interface Stats {
  totals: object;
  nodes: { node: string; connections: number }[];
  symbols: object;
  users: object[];
  incomplete?: string[];
}

async function statsOf(url: string, query = ''): Promise<Stats> {
  const answer = await fetch(`${url}/api/stats/connections${query}`, { headers: { 'X-API-Key': apiKey } });
  expect(answer.status).toBe(200);
  return (await answer.json()) as Stats;
}

it('[AP4] connections are counted by replica, symbol, rate and user, and a replica that hangs is named, then forgotten', async () => {
  const cluster = await startClusterUnderTest({ replicas: 2 });
  const [first, second] = cluster.replicas;
  if (first === undefined || second === undefined) throw new Error('fewer than two replicas');
  const connect = async (url: string, user?: string) => {
    const client = cluster.connect(
      {
        transports: ['websocket'],
        reconnection: false,
        ...(user !== undefined && { auth: { userId: user } }),
      },
      url,
    );
    await client.seen('feed', 1, 10_000);
    return client;
  };
  const ann = await connect(first.url, 'ann');
  const annToo = await connect(second.url, 'ann');
  const ben = await connect(second.url, 'ben');
  await connect(second.url);
  await ann.subscribe(['BTC-USD', 'DEMO']);
  await annToo.subscribe({ symbols: ['BTC-USD'], everyMs: 1_000 });
  await ben.subscribe(['BTC-USD']);
  const plain = createPlainClient(first.url, '/stream/DEMO');
  onTestFinished(() => plain.close());
  await plain.seen('feed');

  const ofFirst = {
    node: first.node,
    connections: 2,
    anonymous: 1,
    users: 1,
    symbols: { 'BTC-USD': { 0: 1 }, DEMO: { 0: 2 } },
  };
  const ofSecond = {
    node: second.node,
    connections: 3,
    anonymous: 1,
    users: 2,
    symbols: { 'BTC-USD': { 0: 1, 1000: 1 } },
  };
  const sums = {
    totals: { connections: 5, anonymous: 2, users: 2 },
    symbols: { 'BTC-USD': { 0: 2, 1000: 1 }, DEMO: { 0: 2 } },
    users: [
      { user: 'ann', connections: 2 },
      { user: 'ben', connections: 1 },
    ],
  };
  expect(await statsOf(first.url)).toEqual({ ...sums, nodes: [ofFirst, ofSecond] });
  expect(await statsOf(second.url)).toEqual({ ...sums, nodes: [ofSecond, ofFirst] });
  expect((await statsOf(first.url, '?user=ben')).users).toEqual([{ user: 'ben', connections: 1 }]);

  await second.kill('SIGSTOP');
  const alone = await statsOf(first.url);
  expect([alone.incomplete, alone.nodes]).toEqual([[second.node], [ofFirst]]);
  await until(async () => (await statsOf(first.url)).incomplete === undefined);
  await second.kill('SIGCONT');
  await until(async () => (await statsOf(first.url)).nodes.length === 2);
});
