/** The list of symbols changes while leaders are killed and Redis restarts: every reader ends with the same list. */
import { expect, it } from 'vitest';
import type { FeedState, SymbolsChange } from '../../protocol/index.ts';
import { apiKey, push, startClusterUnderTest } from '../cluster/cluster-under-test.ts';
import { createPayloadBook } from '../support/checks/payload-book.ts';
import type { Recorder } from '../support/clients/recorder.ts';
import { until } from '../support/until.ts';

interface Answer {
  status: number;
  name?: string;
}

async function change(url: string, method: 'PUT' | 'DELETE', symbol: string): Promise<Answer> {
  const answer = await fetch(`${url}/api/symbols/${symbol}`, {
    method,
    headers: { 'X-API-Key': apiKey, 'Content-Type': 'application/json' },
    ...(method === 'PUT' && { body: JSON.stringify({ feed: 'simulator' }) }),
  });
  return { ...((await answer.json()) as { name?: string }), status: answer.status };
}

/** Repeats the change until it was made; returns the last answer. */
function changed(url: string, method: 'PUT' | 'DELETE', symbol: string): Promise<Answer> {
  return until(
    async () => {
      const answer = await change(url, method, symbol);
      return answer.status < 500 ? answer : null;
    },
    { withinMs: 20_000 },
  );
}

async function listedAt(url: string): Promise<string> {
  const { symbols } = (await (await fetch(`${url}/api/symbols`)).json()) as { symbols: { symbol: string }[] };
  return symbols
    .map(({ symbol }) => symbol)
    .toSorted()
    .join();
}

/** The list as a client knows it: `feed` has it at the connect, `symbols` has each change. */
function listKnownTo({ events }: Recorder): string {
  let known = new Set<string>();
  for (const { event, payload } of events) {
    if (event === 'hello') known = new Set();
    if (event === 'feed' && known.size === 0)
      known = new Set((payload as FeedState).sources.flatMap(({ symbols }) => symbols));
    if (event !== 'symbols') continue;
    const { added, retired } = payload as SymbolsChange;
    for (const symbol of retired) known.delete(symbol);
    for (const symbol of added) known.add(symbol);
  }
  return [...known].toSorted().join();
}

async function expectResult(client: Recorder, symbol: string, expected: object): Promise<void> {
  expect(await client.subscribe([symbol])).toMatchObject({ results: { [symbol]: expected } });
}

it('[LS1][LS2][LS4][LS5][LS6] a list that changes while its leaders are killed and Redis restarts is the same for every reader', async () => {
  const cluster = await startClusterUnderTest({ env: { FEEDS: 'simulator:BTC-USD,ETH-USD;push:DEMO' } });
  const clients = cluster.replicas.flatMap(({ url }) =>
    ['websocket', 'polling'].map((transport) =>
      cluster.connect({ transports: [transport], reconnectionDelayMax: 500 }, url),
    ),
  );
  for (const client of clients) client.follow(['BTC-USD', 'ETH-USD', 'N1-USD', 'N2-USD']);
  for (const client of clients) await client.seen('tick', 2, 20_000);

  let listed = ['BTC-USD', 'DEMO', 'ETH-USD'];
  async function sameForAll(): Promise<void> {
    const wanted = listed.toSorted().join();
    const lists = async (): Promise<string[]> => [
      ...(await Promise.all(cluster.replicas.map(({ url }) => listedAt(url)))),
      ...clients.map(listKnownTo),
    ];
    await until(async () => (await lists()).every((list) => list === wanted), {
      withinMs: 15_000,
      saw: lists,
    });
  }

  await sameForAll();
  for (const [added, retired] of [
    ['N1-USD', 'ETH-USD'],
    ['N2-USD', 'N1-USD'],
    ['ETH-USD', 'N2-USD'],
  ] as const) {
    const leader = await cluster.leader();
    const asked = cluster.replicas.find((one) => one !== leader)?.url ?? '';
    const first = Promise.all([change(asked, 'PUT', added), change(asked, 'DELETE', retired)]);
    const killed = leader.kill('SIGKILL');
    const [put] = await first;
    await killed;
    const { status } = await changed(asked, 'PUT', added);
    // `no_leader` means that the change was not made.
    expect(put.name === 'no_leader' ? [201] : [200, 201]).toContain(status);
    await changed(asked, 'DELETE', retired);
    listed = [...listed.filter((symbol) => symbol !== retired), added];
    await leader.restart();
    await sameForAll();
    for (const client of clients) {
      await expectResult(client, retired, { ok: false, name: 'retired' });
      await expectResult(client, added, { ok: true });
      const count = client.ticks(added).length;
      await until(() => client.ticks(added).length > count + 1, { withinMs: 10_000 });
    }
  }

  await cluster.redis.restart();
  await until(async () => (await push(cluster.url, [{ symbol: 'DEMO', price: '1' }])).status === 200, {
    withinMs: 20_000,
  });
  await sameForAll();
  for (const client of clients) await expectResult(client, 'N1-USD', { ok: false, name: 'retired' });
  // A new replica reads the list from the new Redis.
  const late = await cluster.addReplica();
  expect(await listedAt(late.url)).toBe(listed.toSorted().join());
  const book = createPayloadBook();
  for (const tick of clients.flatMap((client) => client.ticks())) book.saw(tick, 'a client');
  expect([...clients.flatMap((client) => client.faults()), ...book.conflicts()]).toEqual([]);
});
