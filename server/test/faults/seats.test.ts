/** Users' seats while a replica is frozen or drained, and after Redis restarted. */
import { describe, expect, it } from 'vitest';
import { healthOf, startClusterUnderTest, type ClusterUnderTest } from '../cluster/cluster-under-test.ts';
import { freeAfter, once, outcome, refusals, urlOf } from '../cluster/seat-clients.ts';
import { until } from '../support/until.ts';

async function start(env: Record<string, string>): Promise<ClusterUnderTest> {
  const cluster = await startClusterUnderTest({ env });
  for (const { url } of cluster.replicas) await until(async () => (await healthOf(url)).ready);
  return cluster;
}

describe('seats', () => {
  it('[ST4] a frozen replica that goes on loses only the seats that others took meanwhile', async () => {
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

  it('[ST3] the seats of a drained replica are free, and its clients are seated elsewhere', async () => {
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

  it('[ST5] after Redis restarted all connected clients keep their seats, and no new one gets in', async () => {
    const cluster = await start({ MAX_CONNECTIONS_PER_USER: '3' });
    const held = cluster.replicas.map(({ url, node }) => cluster.connect(once('ann', node), url));
    expect(await Promise.all(held.map(outcome))).toEqual(['seated', 'seated', 'seated']);
    await cluster.redis.kill('SIGKILL');
    await cluster.redis.restart();
    for (const { url } of cluster.replicas)
      await until(async () => (await healthOf(url)).backplane.state === 'up');
    const late = cluster.replicas.map(({ url, node }) => cluster.connect(once('ann', `${node}-late`), url));
    expect(await Promise.all(late.map(outcome))).toEqual(['refused', 'refused', 'refused']);
    expect(held.every(({ socket }) => socket.connected)).toBe(true);
    expect(held.flatMap(refusals)).toEqual([]);
    const since = performance.now();
    held[0]?.close();
    expect(await freeAfter(cluster, { url: cluster.url, userId: 'ann', since })).toBeLessThan(1_000);
  });
});
