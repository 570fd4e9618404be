/** The list of symbols changes while leaders are killed, Redis restarts and a replica is cut off: every reader ends with the same list. */
import { expect, it, onTestFinished } from 'vitest';
import type { FeedState, SubscribeAck, SymbolsChange } from '../../protocol/index.ts';
import { startEmbeddedCluster } from '../support/processes/embedded-cluster.ts';
import { createPayloadBook } from '../support/checks/payload-book.ts';
import { createPlainClient, type PlainClient } from '../support/clients/plain-client.ts';
import { createRecorder, type Recorder } from '../support/clients/recorder.ts';
import { startTcpProxy } from '../support/stand-ins/tcp-proxy.ts';
import { until } from '../support/until.ts';
import { apiKey, healthOf, push, startClusterUnderTest } from '../cluster/cluster-under-test.ts';

interface Answer {
  status: number;
  name: string | undefined;
}

async function change(url: string, method: 'PUT' | 'DELETE', symbol: string): Promise<Answer> {
  const answer = await fetch(`${url}/api/symbols/${symbol}`, {
    method,
    headers: { 'X-API-Key': apiKey, 'Content-Type': 'application/json' },
    ...(method === 'PUT' && { body: JSON.stringify({ feed: 'simulator' }) }),
  });
  const { name } = (await answer.json()) as { name?: string };
  return { status: answer.status, name };
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

async function listedAt(url: string): Promise<string[]> {
  const { symbols } = (await (await fetch(`${url}/api/symbols`)).json()) as { symbols: { symbol: string }[] };
  return symbols.map(({ symbol }) => symbol).toSorted();
}

/** The list as a client knows it: `feed` has it at the connect, `symbols` has each change. */
function listKnownTo(told: readonly { event: string; payload: unknown }[]): string[] {
  let known = new Set<string>();
  for (const { event, payload } of told) {
    if (event === 'hello') known = new Set();
    if (event === 'feed' && known.size === 0)
      known = new Set((payload as FeedState).sources.flatMap(({ symbols }) => symbols));
    if (event !== 'symbols') continue;
    const { added, retired } = payload as SymbolsChange;
    for (const symbol of retired) known.delete(symbol);
    for (const symbol of added) known.add(symbol);
  }
  return [...known].toSorted();
}

const toldPlain = ({ messages }: PlainClient) =>
  messages.map(({ type, ...payload }) => ({ event: type, payload }));

/** Asserts that no tick is out of order, and that no (gen, symbol, seq) stands for two payloads. */
function expectSound(clients: readonly Pick<Recorder, 'faults' | 'ticks'>[]): void {
  const book = createPayloadBook();
  for (const tick of clients.flatMap((client) => client.ticks())) book.saw(tick, 'a client');
  expect([...clients.flatMap((client) => client.faults()), ...book.conflicts()]).toEqual([]);
}

/** Pushes a price of DEMO until a leader accepts it; returns its place. */
function pushed(url: string): Promise<{ gen: string; seq: number }> {
  return until(
    async () => {
      const answer = await push(url, [{ symbol: 'DEMO', price: '1' }]).catch(() => null);
      if (answer?.status !== 200) return null;
      return ((await answer.json()) as { ticks: { gen: string; seq: number }[] }).ticks[0];
    },
    { withinMs: 10_000 },
  );
}

async function resultOf(client: Recorder, symbol: string): Promise<{ ok: boolean; name?: string }> {
  const answer: SubscribeAck = await client.subscribe([symbol]);
  return answer.ok ? (answer.results[symbol] ?? { ok: false }) : answer;
}

it('[LS1][LS2][LS4][LS5][LS6] a list that changes while its leaders are killed and Redis restarts is the same for every reader', async () => {
  const cluster = await startClusterUnderTest({ env: { FEEDS: 'simulator:BTC-USD,ETH-USD;push:DEMO' } });
  await cluster.leader();
  const recorders: Recorder[] = [];
  const plain: { client: PlainClient; url: string }[] = [];
  const openPlain = (url: string): void => {
    const client = createPlainClient(url, '/stream?symbols=BTC-USD,ETH-USD');
    onTestFinished(() => client.close());
    plain.push({ client, url });
  };
  for (const { url } of cluster.replicas) {
    for (const options of [{ transports: ['websocket'] }, { transports: ['polling'] }]) {
      const client = cluster.connect({ ...options, reconnectionDelayMax: 500 }, url);
      client.follow(['BTC-USD', 'ETH-USD', 'N1-USD', 'N2-USD']);
      recorders.push(client);
    }
    const tiered = cluster.connect({ transports: ['websocket'], reconnectionDelayMax: 500 }, url);
    tiered.socket.on('connect', () =>
      tiered.socket.emit('subscribe', { symbols: ['BTC-USD', 'ETH-USD'], everyMs: 250 }),
    );
    recorders.push(tiered);
    openPlain(url);
  }
  for (const client of recorders) await client.seen('tick', 2, 20_000);
  for (const { client } of plain) await client.seen('tick', 2, 20_000);

  async function sameForAll(symbols: readonly string[]): Promise<void> {
    const wanted = symbols.toSorted();
    for (const { url } of cluster.replicas)
      await until(async () => (await listedAt(url)).join() === wanted.join(), {
        withinMs: 15_000,
        saw: () => listedAt(url),
      });
    for (const client of recorders)
      await until(() => listKnownTo(client.events).join() === wanted.join(), {
        withinMs: 15_000,
        saw: () => [listKnownTo(client.events), client.socket.connected, client.hellos()],
      });
    for (const { client } of plain.filter((one) => one.client.socket.readyState === 1))
      await until(() => listKnownTo(toldPlain(client)).join() === wanted.join(), {
        withinMs: 15_000,
        saw: () => listKnownTo(toldPlain(client)),
      });
  }

  let listed = ['BTC-USD', 'DEMO', 'ETH-USD'];
  await sameForAll(listed);
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
    openPlain(leader.url);
    await sameForAll(listed);
    for (const client of recorders) {
      expect(await resultOf(client, retired)).toMatchObject({ ok: false, name: 'retired' });
      expect(await resultOf(client, added)).toMatchObject({ ok: true });
      const count = client.ticks(added).length;
      await until(() => client.ticks(added).length > count + 1, { withinMs: 10_000 });
    }
  }

  await cluster.redis.restart();
  await until(async () => (await push(cluster.url, [{ symbol: 'DEMO', price: '1' }])).status === 200, {
    withinMs: 20_000,
  });
  await sameForAll(listed);
  for (const client of recorders) {
    expect(await resultOf(client, 'N1-USD')).toMatchObject({ ok: false, name: 'retired' });
    expect(await resultOf(client, 'BTC-USD')).toMatchObject({ ok: true });
  }
  // A new replica reads the list from the new Redis.
  const late = await cluster.addReplica();
  expect(await listedAt(late.url)).toEqual(listed.toSorted());
  expectSound([...recorders, ...plain.map(({ client }) => client)]);
});

it('[LS1][LS2][LS5] the same on the local backplane while leading workers are killed', async () => {
  const cluster = await startEmbeddedCluster({
    FEEDS: 'simulator:BTC-USD,ETH-USD;push:DEMO',
    API_KEYS: apiKey,
    UPDATE_INTERVAL: '100',
    WORKERS: '3',
  });
  onTestFinished(() => cluster.close());
  const url = cluster.url.replace(/\/$/, '');
  const clients = Array.from({ length: 6 }, () => {
    const client = createRecorder(url, { transports: ['websocket'], reconnectionDelayMax: 500 });
    onTestFinished(() => client.close());
    client.follow(['BTC-USD']);
    return client;
  });
  for (const client of clients) await client.seen('tick', 2, 20_000);
  let listed = ['BTC-USD', 'DEMO', 'ETH-USD'];
  for (const [added, retired] of [
    ['N1-USD', 'ETH-USD'],
    ['ETH-USD', 'N1-USD'],
  ] as const) {
    const { leader } = await until(async () => {
      const health = await healthOf(url).catch(() => null);
      return typeof health?.leader.node === 'string' ? health : null;
    });
    const before = await pushed(url);
    const asked = change(url, 'PUT', added).catch(() => null);
    cluster.kill(leader.node ?? '');
    await asked;
    await until(() => changed(url, 'PUT', added).catch(() => null), { withinMs: 20_000 });
    await until(() => changed(url, 'DELETE', retired).catch(() => null), { withinMs: 20_000 });
    expect(await pushed(url)).toEqual({ ...before, seq: before.seq + 1 });
    listed = [...listed.filter((symbol) => symbol !== retired), added].toSorted();
    for (const client of clients)
      await until(() => listKnownTo(client.events).join() === listed.join(), {
        withinMs: 15_000,
        saw: () => listKnownTo(client.events),
      });
  }
  for (const client of clients) {
    expect(await resultOf(client, 'N1-USD')).toMatchObject({ ok: false, name: 'retired' });
    expect(await resultOf(client, 'ETH-USD')).toMatchObject({ ok: true });
  }
  expectSound(clients);
});

it('[LS5] reaches a replica that was cut off from Redis during the change', async () => {
  const proxies: Awaited<ReturnType<typeof startTcpProxy>>[] = [];
  const cluster = await startClusterUnderTest({
    env: { FEEDS: 'simulator:BTC-USD,ETH-USD;push:DEMO' },
    launchOf: async (node, redisUrl) => {
      if (node !== 'r3') return {};
      const proxy = await startTcpProxy({ to: Number(new URL(redisUrl).port) });
      proxies.push(proxy);
      const url = new URL(redisUrl);
      url.port = String(proxy.port);
      return { env: { REDIS_URL: url.href } };
    },
  });
  onTestFinished(async () => void (await Promise.all(proxies.map((proxy) => proxy.close()))));
  const [one = '', , three = ''] = cluster.replicas.map(({ url }) => url);
  await cluster.leader();
  const client = cluster.connect({}, three);
  await client.seen('feed');
  await client.subscribe(['BTC-USD', 'ETH-USD']);
  await client.seen('tick', 2);

  for (const proxy of proxies) {
    proxy.accept(false);
    proxy.cut('rst');
  }
  // If the cut-off replica led, another leads soon.
  await until(async () => (await change(one, 'DELETE', 'BTC-USD').catch(() => null))?.status === 200, {
    withinMs: 10_000,
  });
  expect(await change(one, 'PUT', 'NEW-USD')).toMatchObject({ status: 201 });
  expect(client.of('symbols')).toEqual([]);
  for (const proxy of proxies) proxy.accept(true);
  await client.seen('symbols', 2, 10_000);
  expect(client.of('symbols')).toEqual([
    { added: [], retired: ['BTC-USD'] },
    { added: ['NEW-USD'], retired: [], feeds: { 'NEW-USD': 'simulator' } },
  ]);
  expect(await resultOf(client, 'BTC-USD')).toMatchObject({ name: 'retired' });
  // The replica may not have its links for reads again yet.
  await until(async () => (await resultOf(client, 'NEW-USD')).ok);
  expect(client.faults()).toEqual([]);
});
