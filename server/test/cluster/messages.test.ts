/** Messages and quotes to users whose sessions are on any replica. */
import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { Recorder } from '../support/clients/recorder.ts';
import { sharedCluster } from '../support/shared-cluster.ts';
import { until } from '../support/until.ts';
import { push, startClusterUnderTest } from './cluster-under-test.ts';
import { answeredWithinMs, message, post, send, three } from './message-calls.ts';

describe('messages across replicas', () => {
  it('[MS1][MS3][MS5] reach every session on any replica; a killed replica is not counted, and not asked after 2 s', async () => {
    const cluster = await startClusterUnderTest();
    const [first, second, third] = three(cluster.replicas);
    const urls = cluster.replicas.map(({ url }) => url);
    const join = async (user: string, url: string): Promise<Recorder> => {
      const client = cluster.connect(
        { transports: ['websocket'], reconnection: false, auth: { userId: user } },
        url,
      );
      await client.seen('feed', 1, 10_000);
      return client;
    };
    const anns = three(await Promise.all(urls.map((url) => join('ann', url))));
    const [, annToo] = anns;
    const bens = three(await Promise.all([first.url, third.url, third.url].map((url) => join('ben', url))));
    const [ben] = bens;
    for (const client of anns) await client.subscribe(['DEMO']);
    await ben.subscribe({ symbols: ['DEMO'], everyMs: 1_000 });

    // Every replica and Nginx give the same answer.
    for (const url of [...urls, cluster.url]) {
      expect(await message(url, { userId: 'ann', event: 'news' })).toMatchObject({ delivered: 3 });
      expect(await message(url, { symbol: 'DEMO', event: 'halted' })).toMatchObject({ delivered: 4 });
      expect(await message(url, { all: true, event: 'all' })).toMatchObject({ delivered: 6 });
    }
    expect(await send(ben, 'ann', 'from the first')).toEqual({ ok: true, delivered: 3 });
    expect(await send(annToo, 'ben', 'from the second')).toEqual({ ok: true, delivered: 3 });
    for (const client of anns) {
      await client.seen('message');
      expect(client.of('message')).toMatchObject([{ from: 'ben', content: 'from the first' }]);
      expect(['news', 'halted', 'all'].map((event) => client.of(event).length)).toEqual([4, 4, 4]);
    }
    for (const client of bens) {
      await client.seen('message');
      expect(client.of('message')).toMatchObject([{ from: 'ann', content: 'from the second' }]);
      expect(client.of('news')).toEqual([]);
    }

    annToo.close();
    await until(async () => (await message(first.url, { userId: 'ann', event: 'news' })).delivered === 2);

    const killedAt = performance.now();
    await third.kill('SIGKILL');
    const after = await message(first.url, { userId: 'ann', event: 'news' });
    expect(after.delivered).toBe(1);
    expect(after.tookMs).toBeLessThan(answeredWithinMs);
    for (const { url } of [first, second])
      await until(async () => (await message(url, { all: true, event: 'all' })).incomplete === undefined, {
        withinMs: 2_500,
      });
    expect(performance.now() - killedAt).toBeLessThan(2_500);
    const later = await message(second.url, { userId: 'ben', event: 'news' });
    expect(later).toMatchObject({ delivered: 1 });
    expect(later.incomplete).toBeUndefined();
    expect(later.tookMs).toBeLessThan(400);
  });

  it('[QT1] sends a quote over all sockets of the user, with the secret of a session on any replica', async () => {
    const cluster = sharedCluster();
    const [first, second, third] = three(cluster.replicas);
    const [symbol = ''] = cluster.claimSymbols(1);
    const [annId, benId] = [randomUUID(), randomUUID()];
    const ann = cluster.connect({ transports: ['websocket'], auth: { userId: annId } }, third.url);
    const annToo = cluster.connect({ transports: ['websocket'], auth: { userId: annId } }, second.url);
    const ben = cluster.connect({ transports: ['websocket'], auth: { userId: benId } }, first.url);
    for (const client of [ann, annToo, ben]) await client.seen('feed', 1, 10_000);
    expect((await push(cluster.url, [{ symbol, price: '12.50' }])).status).toBe(200);
    const [{ session, secret } = { session: '', secret: '' }] = ann.hellos();
    const proof = { Authorization: `Session ${session}:${secret}` };
    for (const url of [first.url, second.url, third.url, cluster.url]) {
      const answer = await post('quote', url, { userId: annId, symbol }, proof);
      expect([answer.status, await answer.json()]).toEqual([200, { delivered: 2 }]);
      expect((await post('quote', url, { userId: benId, symbol }, proof)).status).toBe(403);
      const wrong = { Authorization: `Session ${session}:${secret.slice(1)}` };
      expect((await post('quote', url, { userId: annId, symbol }, wrong)).status).toBe(401);
    }
    for (const client of [ann, annToo]) {
      await client.seen('quote', 4);
      expect(client.of('quote')).toMatchObject(Array.from({ length: 4 }, () => ({ symbol, price: '12.50' })));
    }
    expect(ben.of('quote')).toEqual([]);
    expect((await post('quote', cluster.url, { userId: randomUUID(), symbol })).status).toBe(404);
  });
});
