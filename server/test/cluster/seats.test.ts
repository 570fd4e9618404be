/** Users' seats over three true replicas, Redis and Nginx. */
import { createClient } from 'redis';
import { describe, expect, it, onTestFinished } from 'vitest';
import { codes, type Refusal } from '../../protocol/index.ts';
import { openPolling } from '../support/attackers.ts';
import { createPlainClient } from '../support/plain-client.ts';
import type { Recorder } from '../support/recorder.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { until } from '../support/until.ts';
import { apiKey, healthOf, startClusterUnderTest, type ClusterUnderTest } from './cluster-under-test.ts';

/** A connection of that user, which does not come back by itself. */
const once = (userId: string, cid: string) => ({
  auth: { userId },
  query: { cid },
  transports: ['websocket'],
  reconnection: false,
});

function refusals(client: Recorder): string[] {
  return client.of<Refusal>('refused').map(({ name }) => name);
}

/** Whether it was greeted or refused, once it is known. */
function outcome(client: Recorder): Promise<'seated' | 'refused'> {
  return until(
    () => (client.hellos().length > 0 ? 'seated' : refusals(client).length > 0 ? 'refused' : null),
    { withinMs: 20_000, saw: () => client.events.map(({ event }) => event) },
  );
}

/** Resolves with the milliseconds since then until somebody new with another cid had a place. */
async function freeAfter(
  cluster: ClusterUnderTest,
  { url, userId, since }: { url: string; userId: string; since: number },
): Promise<number> {
  const pending: Promise<unknown>[] = [];
  let seatedAt: number | null = null;
  async function attempt(client: Recorder): Promise<void> {
    if ((await outcome(client)) === 'seated') seatedAt ??= performance.now();
    else client.close();
  }
  // One try after another, each at most 50 ms after the one before: an answer takes as long as it takes.
  for (let tries = 0; seatedAt === null && tries < 200; tries++) {
    const client = cluster.connect(once(userId, `try-${tries}`), url);
    pending.push(attempt(client));
    await Promise.race([pending.at(-1), new Promise((resolve) => setTimeout(resolve, 50))]);
  }
  await Promise.all(pending);
  return (seatedAt ?? Infinity) - since;
}

function urlOf(cluster: ClusterUnderTest, index: number): string {
  const url = cluster.replicas[index]?.url;
  if (url === undefined) throw new Error(`there is no replica ${index}`);
  return url;
}

async function start(env: Record<string, string> = {}): Promise<ClusterUnderTest> {
  const cluster = await startClusterUnderTest({ env });
  for (const { url } of cluster.replicas) await until(async () => (await healthOf(url)).ready);
  return cluster;
}

async function redisOf(cluster: ClusterUnderTest) {
  const redis = createClient({ url: cluster.redis.url });
  redis.on('error', () => {});
  await redis.connect();
  onTestFinished(() => redis.destroy());
  return redis;
}

describe('seats', () => {
  it('[ST1] of 200 parallel connects of one user over three replicas exactly three are seated, each time', async () => {
    const cluster = await start();
    for (const user of ['ann', 'bob', 'eve', 'joe', 'kim']) {
      const clients = Array.from({ length: 200 }, (_, index) => cluster.connect(once(user, `c${index}`)));
      const outcomes = await Promise.all(clients.map(outcome));
      const seated = clients.filter((_, index) => outcomes[index] === 'seated');
      expect(seated).toHaveLength(3);
      expect(new Set(clients.flatMap(refusals))).toEqual(new Set(['too_many_connections']));
      // A fence: whoever comes now is refused, and the three are still there.
      const late = cluster.connect(once(user, 'late'));
      expect(await outcome(late)).toBe('refused');
      expect(seated.every(({ socket }) => socket.connected)).toBe(true);
      for (const client of [...clients, late]) client.close();
    }
    // Every replica had some of them.
    for (const { url } of cluster.replicas) {
      const metrics = await (await fetch(`${url}/metrics`)).text();
      const [, count = '0'] = /^tickwire_seats_refused_total\{reason="full",.*\} (\d+)$/m.exec(metrics) ?? [];
      expect(Number(count)).toBeGreaterThan(100);
    }
  });

  it('[ST2] [ST3] after kill -9 of a replica the same cid is back at once, and its other seats are free within 2 s', async () => {
    const cluster = await start({ MAX_CONNECTIONS_PER_USER: '2' });
    const [dying, living] = [urlOf(cluster, 0), urlOf(cluster, 1)];
    for (const user of ['ann', 'bob']) {
      for (const cid of ['one', 'two'])
        expect(await outcome(cluster.connect(once(user, cid), dying))).toBe('seated');
      expect(await outcome(cluster.connect(once(user, 'three'), living))).toBe('refused');
    }
    const since = performance.now();
    await cluster.replicas[0]?.kill('SIGKILL');
    const same = cluster.connect(once('ann', 'one'), living);
    expect(await outcome(same)).toBe('seated');
    // Nobody had to be forgotten for that.
    expect(await outcome(cluster.connect(once('ann', 'three'), living))).toBe('refused');
    expect(await freeAfter(cluster, { url: living, userId: 'bob', since })).toBeLessThan(2_000);
    expect(same.socket.connected).toBe(true);
  });

  it('[ST2] a stock client whose replica was killed has its own seat again, through Nginx, without a refusal', async () => {
    const cluster = await start({ MAX_CONNECTIONS_PER_USER: '1' });
    const client = cluster.connect({ auth: { userId: 'ann' }, query: { cid: 'tab' } });
    await client.seen('hello');
    const node = client.hellos()[0]?.node;
    await cluster.replicas.find((replica) => replica.node === node)?.kill('SIGKILL');
    await client.seen('hello', 2, 10_000);
    expect(client.hellos()[1]?.node).not.toBe(node);
    expect(refusals(client)).toEqual([]);
  });

  it('[ST2] the same cid on another replica ends the old socket there, which stays away', async () => {
    const cluster = await start({ MAX_CONNECTIONS_PER_USER: '1' });
    const stock = { auth: { userId: 'ann' }, query: { cid: 'tab' } };
    const old = cluster.connect(stock, urlOf(cluster, 0));
    await old.seen('hello');
    const fresh = cluster.connect(stock, urlOf(cluster, 1));
    await fresh.seen('hello');
    await old.seen('refused');
    await until(() => !old.socket.connected);
    expect(refusals(old)).toEqual(['seat_taken_over']);
    expect(old.socket.active).toBe(false);
    expect(fresh.socket.connected).toBe(true);
  });

  it('[ST3] seats of a replica that is drained are free, and its clients find places elsewhere', async () => {
    const cluster = await start({ MAX_CONNECTIONS_PER_USER: '2' });
    const clients = ['one', 'two'].map((cid) => cluster.connect({ auth: { userId: 'ann' }, query: { cid } }));
    await Promise.all(clients.map((client) => client.seen('hello')));
    const node = clients[0]?.hellos()[0]?.node;
    await cluster.replicas.find((replica) => replica.node === node)?.kill('SIGTERM');
    await until(() => clients.every(({ socket }) => socket.connected), { withinMs: 10_000 });
    await clients[0]?.seen('hello', 2, 10_000);
    expect(clients.flatMap(refusals)).toEqual([]);
    expect(await outcome(cluster.connect(once('ann', 'three')))).toBe('refused');
    const since = performance.now();
    clients[0]?.close();
    expect(await freeAfter(cluster, { url: cluster.url, userId: 'ann', since })).toBeLessThan(1_000);
  });

  it('[ST4] a replica that was frozen and wakes keeps no seat that went to others, and all the rest', async () => {
    const cluster = await start({ MAX_CONNECTIONS_PER_USER: '1' });
    const [frozen, other] = [urlOf(cluster, 0), urlOf(cluster, 1)];
    const [ann, bob] = [cluster.connect(once('ann', 'a'), frozen), cluster.connect(once('bob', 'b'), frozen)];
    expect([await outcome(ann), await outcome(bob)]).toEqual(['seated', 'seated']);
    const since = performance.now();
    await cluster.replicas[0]?.kill('SIGSTOP');
    try {
      expect(await freeAfter(cluster, { url: other, userId: 'ann', since })).toBeLessThan(2_000);
    } finally {
      await cluster.replicas[0]?.kill('SIGCONT');
    }
    await ann.seen('refused');
    await until(() => !ann.socket.connected);
    expect(refusals(ann)).toEqual(['too_many_connections']);
    expect(await outcome(cluster.connect(once('ann', 'c'), frozen))).toBe('refused');
    expect(await outcome(cluster.connect(once('bob', 'c'), other))).toBe('refused');
    expect(bob.socket.connected).toBe(true);
    expect(refusals(bob)).toEqual([]);
  });

  it('[US2] who is ended at another replica while the seat is waited for does not come in', async () => {
    let proxy: TcpProxy | null = null;
    const cluster = await startClusterUnderTest({
      replicas: 2,
      env: { MAX_CONNECTIONS_PER_USER: '2' },
      launchOf: async (node, redisUrl) => {
        if (node !== 'r1') return {};
        // The link that seats are asked on is the one with scripts; what replicas tell each other goes over others.
        proxy = await startTcpProxy({ to: Number(new URL(redisUrl).port), mark: /EVALSHA/ });
        return { env: { REDIS_URL: `redis://127.0.0.1:${proxy.port}` } };
      },
    });
    onTestFinished(() => proxy?.close());
    for (const { url } of cluster.replicas) await until(async () => (await healthOf(url)).ready);
    const [here, there] = [urlOf(cluster, 0), urlOf(cluster, 1)];
    const seated = cluster.connect(once('ann', 'there'), there);
    expect(await outcome(seated)).toBe('seated');

    const asking = (proxy as TcpProxy | null)?.connections().filter(({ marked }) => marked) ?? [];
    expect(asking).not.toEqual([]);
    const [gone, waiting] = [await openPolling(here), await openPolling(here)];
    onTestFinished(() => waiting.close());
    // From here to the answer there is a second: who waits longer for a seat is let in ([ST6]).
    for (const one of asking) one.suffer('down', { passing: 'hold' });
    const plain = createPlainClient(here, '/stream?user=ann');
    onTestFinished(() => plain.close());
    for (const one of [gone, waiting]) expect(await one.post('40{"userId":"ann"}')).toBe(200);
    // One that left by itself meanwhile is not counted.
    expect(await gone.post('1')).toBe(200);
    gone.close();
    const answer = await fetch(`${there}/api/users/ann/disconnect`, {
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

    // Seats that were given too late are given back.
    (proxy as TcpProxy | null)?.heal();
    for (let places = 0; places < 2; places++)
      expect(await freeAfter(cluster, { url: here, userId: 'ann', since: performance.now() })).toBeLessThan(
        1_000,
      );
  });

  it.each([['emptied'], ['killed and started again']])(
    '[ST5] Redis %s: everyone keeps the seat, and nobody new gets one',
    async (what) => {
      const cluster = await start({ MAX_CONNECTIONS_PER_USER: '3' });
      const held = cluster.replicas.map(({ url, node }) => cluster.connect(once('ann', node), url));
      expect(await Promise.all(held.map(outcome))).toEqual(['seated', 'seated', 'seated']);
      if (what === 'emptied') await (await redisOf(cluster)).sendCommand(['FLUSHALL']);
      else {
        await cluster.redis.kill('SIGKILL');
        await cluster.redis.restart();
        for (const { url } of cluster.replicas) await until(async () => (await healthOf(url)).ready);
      }
      const late = cluster.replicas.map(({ url, node }) => cluster.connect(once('ann', `${node}-late`), url));
      expect(await Promise.all(late.map(outcome))).toEqual(['refused', 'refused', 'refused']);
      expect(held.every(({ socket }) => socket.connected)).toBe(true);
      expect(held.flatMap(refusals)).toEqual([]);
      const since = performance.now();
      held[0]?.close();
      expect(await freeAfter(cluster, { url: cluster.url, userId: 'ann', since })).toBeLessThan(1_000);
    },
  );

  it.each([['SIGKILL'], ['SIGSTOP']] as const)(
    '[ST6] Redis away by %s: users are let in, and the limit is exact again when it is back',
    async (signal) => {
      const cluster = await start({ MAX_CONNECTIONS_PER_USER: '2' });
      const before = [0, 1].map((index) =>
        cluster.connect(once('ann', `before-${index}`), urlOf(cluster, index)),
      );
      expect(await Promise.all(before.map(outcome))).toEqual(['seated', 'seated']);
      await cluster.redis.kill(signal);
      const startedAt = performance.now();
      const meanwhile = cluster.connect(once('ann', 'meanwhile'), urlOf(cluster, 2));
      expect(await outcome(meanwhile)).toBe('seated');
      expect(performance.now() - startedAt).toBeLessThan(3_000);
      if (signal === 'SIGSTOP') await cluster.redis.kill('SIGCONT');
      else await cluster.redis.restart();
      for (const { url } of cluster.replicas)
        await until(async () => (await healthOf(url)).ready, { withinMs: 10_000 });

      // So it is known that its replica counts again. After a restart nobody knows who came first.
      if (signal === 'SIGSTOP') await meanwhile.seen('refused');
      const late = cluster.connect(once('ann', 'late'), urlOf(cluster, 2));
      expect(await outcome(late)).toBe('refused');
      expect(before.every(({ socket }) => socket.connected)).toBe(true);
      expect(meanwhile.socket.connected).toBe(signal === 'SIGKILL');
    },
  );
});
