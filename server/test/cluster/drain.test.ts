/** A replica that drains: its clients, its lease, its API and its process. */
import { describe, expect, it, onTestFinished } from 'vitest';
import { startOwnReplica, type OwnReplica } from '../support/processes/own-replica.ts';
import { createRecorder, type Recorder } from '../support/clients/recorder.ts';
import { until } from '../support/until.ts';
import { apiKey, healthOf, nodesKnownTo, push, startClusterForFile } from './cluster-under-test.ts';
import { watchCrowd } from './watched-crowd.ts';

const drainMs = 3_000;
/** No replica leads within this time unless the leader gives up its lease. */
const ttlMs = 15_000;

const theCluster = startClusterForFile({
  env: { DRAIN_MS: String(drainMs), LEASE_DEADLINE_MS: '10000', LEASE_TTL_MS: String(ttlMs) },
});

const drain = (url: string, node: string): Promise<Response> =>
  fetch(`${url}/api/nodes/${node}/drain`, { method: 'POST', headers: { 'X-API-Key': apiKey } });

function startOwn(settings: Record<string, string>): Promise<OwnReplica> {
  const { redis, redisPrefix } = theCluster();
  return startOwnReplica({ REDIS_URL: redis.url, REDIS_PREFIX: redisPrefix, API_KEYS: apiKey, ...settings });
}

async function connectedTo({ url }: OwnReplica): Promise<Recorder> {
  const client = createRecorder(url, { transports: ['websocket'], reconnection: false });
  onTestFinished(() => client.close());
  await client.seen('hello');
  return client;
}

// The tests that end a replica of the cluster come last, because the next test must wait for its restart.
describe('a replica that drains', () => {
  it('[DR6] by POST to any other replica, ends with code 0 and is forgotten within two seconds', async () => {
    const own = await startOwn({ DRAIN_MS: '500' });
    const url = theCluster().replicas[0]?.url ?? '';
    await until(async () => (await drain(url, own.node)).status === 202);
    expect(await own.ended).toEqual({ code: 0, signal: null });
    await until(async () => (await drain(url, own.node)).status === 404);
    expect(await nodesKnownTo(url)).toEqual(['r1', 'r2', 'r3']);
  });

  it('[DR7] ends within a second of a later second signal, and takes two signals at once for one', async () => {
    const own = await startOwn({ DRAIN_MS: '10000' });
    const clients = await Promise.all([1, 2, 3, 4].map(() => connectedTo(own)));
    await until(async () => (await nodesKnownTo(own.url)).length === 4);
    await until(async () => (await nodesKnownTo(theCluster().replicas[0]?.url ?? '')).includes(own.node));
    const askedAt = Date.now();
    own.signal('SIGINT');
    own.signal('SIGINT');
    await Promise.all(clients.map((client) => client.seen('shutdown')));
    expect(own.logs().filter((line) => line.includes('"draining"'))).toHaveLength(1);
    // Half a second after the first signal, another signal counts as a second one.
    await until(() => Date.now() - askedAt > 600);
    const startedAt = Date.now();
    own.signal('SIGTERM');
    expect(await own.ended).toEqual({ code: 1, signal: null });
    expect(Date.now() - startedAt).toBeLessThan(1_000);

    const twice = await startOwn({ DRAIN_MS: '100' });
    twice.signal('SIGINT');
    twice.signal('SIGINT');
    expect(await twice.ended).toEqual({ code: 0, signal: null });
  });

  it('[DR1][DR3][LD5][CL1] the leader after SIGTERM: another replica leads at once, and clients of every kind go on elsewhere without a loss', async () => {
    const cluster = theCluster();
    // Nginx sends all polling clients of one address to one replica: let that replica lead.
    const polling = cluster.connect({ transports: ['polling'] });
    await polling.seen('hello');
    let leader = await cluster.leader();
    while (leader.node !== polling.hellos()[0]?.node) {
      await leader.restart();
      leader = await cluster.leader();
    }
    polling.close();
    const crowd = watchCrowd(cluster.url, 3);
    await crowd.cover(leader.node);
    const moved = crowd.at(leader.node);
    const staying = crowd.clients.filter((client) => !moved.includes(client));
    const startedAt = performance.now();
    await leader.kill('SIGTERM');
    expect(performance.now() - startedAt).toBeLessThan(drainMs + 2_500);
    await crowd.allLive();

    // Each client leaves at the time that it was given, so the last one leaves late in the drain.
    const lostAt = moved.map(({ outages }) => outages[0]?.lostAt ?? 0);
    expect(Math.max(...lostAt) - Math.min(...lostAt)).toBeGreaterThan(drainMs / 4);
    for (const { name, nodes } of moved) {
      expect([name, nodes.length]).toEqual([name, 2]);
      expect(nodes[1]).not.toBe(leader.node);
    }
    for (const { name, nodes } of staying) expect([name, nodes.length]).toEqual([name, 1]);
    for (const client of staying) expect(client.longestPause(startedAt)).toBeLessThan(ttlMs / 3);
    crowd.expectNothingLost();
  });

  it('[DR2] answers calls, hands pushes to the new leader and delivers ticks until its end', async () => {
    const cluster = theCluster();
    const leader = await cluster.leader();
    const clients = Array.from({ length: 4 }, () =>
      cluster.connect({ transports: ['websocket'], reconnection: false }, leader.url),
    );
    for (const client of clients) {
      await client.seen('hello');
      expect(await client.subscribe(['DEMO'])).toMatchObject({ ok: true });
    }
    expect(await drain(leader.url, leader.node)).toMatchObject({ status: 202 });
    for (const client of clients) await client.seen('shutdown');
    await until(async () => (await push(leader.url, [{ symbol: 'DEMO', price: '1.5' }])).status === 200, {
      withinMs: drainMs / 2,
    });
    expect(await healthOf(leader.url)).toMatchObject({
      status: 'draining',
      ready: false,
      leader: { me: false },
    });
    // The replica closes the last client in the last quarter of the drain.
    await clients.at(-1)?.seen('tick', 1, drainMs / 4);
    expect(clients.flatMap((client) => client.faults())).toEqual([]);
  });
});
