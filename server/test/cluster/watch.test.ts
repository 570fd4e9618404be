/** Clients that watch a cluster while users come and go and one replica drains. */
import { describe, expect, it } from 'vitest';
import { latest, names, seenAfter, statistics, total, watch } from '../support/clients/cluster-watch.ts';
import type { Recorder } from '../support/clients/recorder.ts';
import { apiKey, startClusterUnderTest } from './cluster-under-test.ts';

const websocket = { transports: ['websocket'] };

describe('watching a cluster', () => {
  it('[CS2][CS3][CS4] shows the same at every replica within a second of a change, a drain at once, and details to a key', async () => {
    const cluster = await startClusterUnderTest();
    const [first, second, third] = cluster.replicas;
    if (first === undefined || second === undefined || third === undefined)
      throw new Error('fewer than three');
    const watchers = await Promise.all(
      cluster.replicas.map(({ url }) => watch(cluster.connect(websocket, url))),
    );
    for (const watcher of watchers)
      await seenAfter(watcher, 0, (nodes) => names(nodes) === 'r1,r2,r3' && total(nodes) === 3);
    const leader = await cluster.leader();
    for (const watcher of watchers) {
      await seenAfter(watcher, 0, (nodes) => nodes.some((one) => one.leader && one.node === leader.node));
      expect(latest(watcher).map((one) => one.leader)).toEqual(
        cluster.replicas.map(({ node }) => node === leader.node),
      );
    }
    const connect = async (url: string): Promise<Recorder> => {
      const client = cluster.connect({ ...websocket, auth: { userId: 'ann' } }, url);
      await client.seen('feed', 1, 10_000);
      return client;
    };
    const [near, far] = [await connect(second.url), await connect(third.url)];
    for (const watcher of watchers)
      await seenAfter(
        watcher,
        0,
        (nodes) =>
          total(nodes) === 5 &&
          nodes.map(({ users, anonymous }) => `${users}+${anonymous}`).join() === '0+1,1+1,1+1',
      );
    // After a time of calm and right behind another change.
    for (const client of [near, far]) {
      const before = latest(watchers[0] ?? client).map(({ connections }) => connections);
      const closedAt = Date.now();
      client.close();
      for (const watcher of watchers)
        expect(
          await seenAfter(watcher, closedAt, (nodes) => total(nodes) < before.reduce((a, b) => a + b, 0)),
        ).toBeLessThan(1_000);
    }

    const operator = await watch(cluster.connect({ ...websocket, auth: { apiKey } }, first.url));
    const reader = cluster.connect(websocket, third.url);
    await reader.subscribe({ symbols: ['AAPL'], everyMs: 1_000 });
    await seenAfter(
      operator,
      0,
      (nodes) =>
        nodes.every(({ details }) => details !== undefined) &&
        nodes[2]?.details?.symbols['AAPL']?.['1000'] === 1,
    );
    expect(JSON.stringify(watchers.map(statistics))).not.toContain('details');
    const logged = cluster.replicas.flatMap(({ logs }) => logs()).join('\n');
    expect(logged).not.toContain(apiKey);

    const observers = [operator, ...watchers.slice(0, 1)];
    const since = Date.now();
    const stopped = third.stop();
    for (const client of observers)
      expect(
        await seenAfter(client, since, (nodes) =>
          nodes.some((one) => one.node === third.node && one.state === 'draining'),
        ),
      ).toBeLessThan(1_000);
    await stopped;
    const leftAt = Date.now();
    // The replica announced its end, so no other replica waited for its beat.
    for (const client of observers)
      expect(
        since + (await seenAfter(client, since, (nodes) => names(nodes) === 'r1,r2')) - leftAt,
      ).toBeLessThan(500);
  });
});
