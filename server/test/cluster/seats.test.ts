/** Users' seats over three replicas, Redis and Nginx. */
import { randomUUID } from 'node:crypto';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import { codes } from '../../protocol/index.ts';
import { openPolling } from '../support/clients/attackers.ts';
import { createPlainClient } from '../support/clients/plain-client.ts';
import { sharedCluster } from '../support/shared-cluster.ts';
import { startTcpProxy, type TcpProxy } from '../support/stand-ins/tcp-proxy.ts';
import { until } from '../support/until.ts';
import { apiKey, startClusterForFile } from './cluster-under-test.ts';
import { freeAfter, once, outcome, refusals, urlOf } from './seat-clients.ts';

describe('seats', () => {
  it('[ST1] of 200 parallel connects of one user over three replicas exactly three are seated, each time', async () => {
    const cluster = sharedCluster();
    for (const user of [randomUUID(), randomUUID()]) {
      const clients = Array.from({ length: 200 }, (_, index) =>
        cluster.connect(once(user, `c${index}`), cluster.replicas[index % 3]?.url),
      );
      const outcomes = await Promise.all(clients.map(outcome));
      const seated = clients.filter((_, index) => outcomes[index] === 'seated');
      expect(seated).toHaveLength(3);
      expect(new Set(clients.flatMap(refusals))).toEqual(new Set(['too_many_connections']));
      // A later client is refused, and the three are still connected.
      const late = cluster.connect(once(user, 'late'));
      expect(await outcome(late)).toBe('refused');
      expect(seated.every(({ socket }) => socket.connected)).toBe(true);
      for (const client of [...clients, late]) client.close();
    }
  });

  it('[ST2] the same cid on another replica ends the old socket there, which stays away', async () => {
    const cluster = sharedCluster();
    const user = randomUUID();
    const others = [1, 2].map((n) => cluster.connect(once(user, `other-${n}`)));
    for (const client of others) expect(await outcome(client)).toBe('seated');
    const stock = { auth: { userId: user }, query: { cid: 'tab' } };
    const old = cluster.connect(stock, urlOf(cluster, 0));
    await old.seen('hello');
    const fresh = cluster.connect(stock, urlOf(cluster, 1));
    await fresh.seen('hello');
    await old.seen('refused');
    await until(() => !old.socket.connected);
    expect(refusals(old)).toEqual(['seat_taken_over']);
    expect(old.socket.active).toBe(false);
    expect([fresh, ...others].every(({ socket }) => socket.connected)).toBe(true);
  });
});

describe('seats of a replica that ends', () => {
  let proxyOfFirst: TcpProxy | null = null;
  const theCluster = startClusterForFile({
    env: { MAX_CONNECTIONS_PER_USER: '2' },
    launchOf: async (node, redisUrl) => {
      if (node !== 'r1') return {};
      // Seats are asked for on the link with scripts; messages between replicas use the other links.
      proxyOfFirst ??= await startTcpProxy({ to: Number(new URL(redisUrl).port), mark: /EVALSHA/ });
      return { env: { REDIS_URL: `redis://127.0.0.1:${proxyOfFirst.port}` } };
    },
  });
  afterAll(() => proxyOfFirst?.close());
  function proxy(): TcpProxy {
    if (proxyOfFirst === null) throw new Error('The proxy of r1 is not started yet.');
    return proxyOfFirst;
  }

  it('[US2] a user who is disconnected at another replica while waiting for a seat does not get in', async () => {
    const cluster = theCluster();
    const [here, there] = [urlOf(cluster, 0), urlOf(cluster, 1)];
    const seated = cluster.connect(once('pat', 'there'), there);
    expect(await outcome(seated)).toBe('seated');

    const asking = proxy()
      .connections()
      .filter(({ marked }) => marked);
    expect(asking).not.toEqual([]);
    const [gone, waiting] = [await openPolling(here), await openPolling(here)];
    onTestFinished(() => waiting.close());
    // The disconnect must arrive within a second: a client that waits longer for a seat is let in ([ST6]).
    for (const one of asking) one.suffer('down', { passing: 'hold' });
    const plain = createPlainClient(here, '/stream?user=pat');
    onTestFinished(() => plain.close());
    for (const one of [gone, waiting]) expect(await one.post('40{"userId":"pat"}')).toBe(200);
    // A client that left by itself meanwhile is not counted.
    expect(await gone.post('1')).toBe(200);
    gone.close();
    const answer = await fetch(`${there}/api/users/pat/disconnect`, {
      method: 'POST',
      headers: { 'X-API-Key': apiKey },
    });
    expect(await answer.json()).toEqual({ disconnected: 3 });
    const { code, message, retry } = codes.disconnected;
    const why = { code, name: 'disconnected', message, retry };
    expect(await waiting.poll()).toBe(`44${JSON.stringify({ message: 'disconnected', data: why })}`);
    expect(await plain.closed()).toEqual({ code: 1008, reason: 'disconnected' });
    expect(plain.messages).toEqual([{ type: 'refused', ...why }]);
    await seated.seen('refused');
    expect(refusals(seated)).toEqual(['disconnected']);

    // Seats that the store grants too late are given back.
    proxy().heal();
    for (let places = 0; places < 2; places++)
      expect(await freeAfter(cluster, { url: here, userId: 'pat', since: performance.now() })).toBeLessThan(
        1_000,
      );
  });

  it('[ST2][ST3] after kill -9 of a replica the same cid is back at once, through Nginx too, and other seats are free within 2 s', async () => {
    const cluster = theCluster();
    const tab = cluster.connect({ auth: { userId: 'cat' }, query: { cid: 'tab' } });
    await tab.seen('hello');
    const dying = cluster.replicas.find(({ node }) => node === tab.hellos()[0]?.node);
    const living = cluster.replicas.find((replica) => replica !== dying)?.url ?? '';
    expect(await outcome(cluster.connect(once('cat', 'other'), living))).toBe('seated');
    for (const user of ['ann', 'bob']) {
      for (const cid of ['one', 'two'])
        expect(await outcome(cluster.connect(once(user, cid), dying?.url))).toBe('seated');
      expect(await outcome(cluster.connect(once(user, 'three'), living))).toBe('refused');
    }
    const since = performance.now();
    await dying?.kill('SIGKILL');
    const same = cluster.connect(once('ann', 'one'), living);
    expect(await outcome(same)).toBe('seated');
    // The dead replica still counts, so the seat of the other cid is not free yet.
    expect(await outcome(cluster.connect(once('ann', 'three'), living))).toBe('refused');
    expect(await freeAfter(cluster, { url: living, userId: 'bob', since })).toBeLessThan(2_000);
    expect(same.socket.connected).toBe(true);
    await tab.seen('hello', 2, 10_000);
    expect(tab.hellos()[1]?.node).not.toBe(dying?.node);
    expect(refusals(tab)).toEqual([]);
  });
});
