/** Messages and quotes to users whose sessions are on any replica, some of which die or hang. */
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Delivered, MessageAck, UserMessage } from '../../protocol/index.ts';
import { startEmbeddedCluster } from '../support/embedded-cluster.ts';
import { createRecorder, type Recorder } from '../support/recorder.ts';
import { until } from '../support/until.ts';
import { apiKey, push, startClusterUnderTest } from './cluster-under-test.ts';

const withKey = { 'X-API-Key': apiKey };

function post(path: string, url: string, body: object, headers: Record<string, string> = withKey) {
  return fetch(new URL(`/api/${path}`, url), {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...headers },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(5_000),
  });
}

/** Sends and gives the answer with how long it took, in milliseconds. */
async function message(url: string, body: object): Promise<Delivered & { tookMs: number }> {
  const before = performance.now();
  const answer = await post('message', url, body);
  expect(answer.status).toBe(200);
  const told = (await answer.json()) as Delivered;
  return { ...told, tookMs: performance.now() - before };
}

const send = (from: Recorder, recipient: string, content: string): Promise<MessageAck> =>
  from.call('send_message', { recipient, content });

function three<T>([first, second, third]: readonly T[]): [T, T, T] {
  if (first === undefined || second === undefined || third === undefined) throw new Error('fewer than three');
  return [first, second, third];
}

/** Longer than a silent replica is waited for, and much less than what Socket.IO would wait. */
const answeredWithinMs = 1_500;

describe('messages across replicas', () => {
  it('[MS1][MS3][MS5] reach every session wherever it is; a killed replica is out of the counts at once, and not asked after 2 s', async () => {
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

    // Whoever is asked, Nginx too, tells the same.
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
    await until(async () => (await message(first.url, { userId: 'ann', event: 'news' })).delivered === 2, {
      withinMs: 1_000,
    });

    const killedAt = performance.now();
    await third.kill('SIGKILL');
    const after = await message(first.url, { userId: 'ann', event: 'news' });
    expect(after.delivered).toBe(1);
    expect(after.tookMs).toBeLessThan(answeredWithinMs);
    await until(
      async () => (await message(first.url, { all: true, event: 'all' })).incomplete === undefined,
      {
        withinMs: 2_500,
      },
    );
    expect(performance.now() - killedAt).toBeLessThan(2_500);
    const later = await message(second.url, { userId: 'ben', event: 'news' });
    expect(later).toMatchObject({ delivered: 1 });
    expect(later.incomplete).toBeUndefined();
    expect(later.tookMs).toBeLessThan(400);
  });

  it('[MS5] a hung replica is named and not waited for, and is counted again when it goes on', async () => {
    const cluster = await startClusterUnderTest();
    const [first, , third] = three(cluster.replicas);
    const ann = cluster.connect({ transports: ['websocket'], auth: { userId: 'ann' } }, first.url);
    const far = cluster.connect({ transports: ['websocket'], auth: { userId: 'ann' } }, third.url);
    const onlyFar = cluster.connect({ transports: ['websocket'], auth: { userId: 'ben' } }, third.url);
    for (const client of [ann, far, onlyFar]) await client.seen('feed', 1, 10_000);
    expect((await push(cluster.url, [{ symbol: 'DEMO', price: '1' }])).status).toBe(200);
    expect(await send(ann, 'ann', 'both')).toEqual({ ok: true, delivered: 2 });

    await third.kill('SIGSTOP');
    const before = performance.now();
    expect(await send(ann, 'ann', 'one')).toEqual({ ok: true, delivered: 1, incomplete: ['r3'] });
    expect(performance.now() - before).toBeLessThan(answeredWithinMs);
    // Whether that user has a session cannot be known now; from when the replica is taken for dead it has none.
    const unknown = await post('quote', first.url, { userId: 'ben', symbol: 'DEMO' });
    expect([unknown.status, ((await unknown.json()) as { name: string }).name]).toEqual([
      503,
      'node_unreachable',
    ]);
    await until(
      async () => (await post('quote', first.url, { userId: 'ben', symbol: 'DEMO' })).status === 404,
      {
        withinMs: 3_000,
      },
    );
    const without = await message(first.url, { userId: 'ann', event: 'news' });
    expect(without).toMatchObject({ delivered: 1 });
    expect(without.incomplete).toBeUndefined();

    await third.kill('SIGCONT');
    await until(async () => (await message(first.url, { userId: 'ann', event: 'back' })).delivered === 2, {
      withinMs: 5_000,
    });
    await far.seen('back');
  });

  it('[QT1] a quote comes over the sockets of the user, by the secret of a session of another replica too', async () => {
    const cluster = await startClusterUnderTest();
    const [first, second, third] = three(cluster.replicas);
    const ann = cluster.connect({ transports: ['websocket'], auth: { userId: 'ann' } }, third.url);
    const annToo = cluster.connect({ transports: ['websocket'], auth: { userId: 'ann' } }, second.url);
    const ben = cluster.connect({ transports: ['websocket'], auth: { userId: 'ben' } }, first.url);
    for (const client of [ann, annToo, ben]) await client.seen('feed', 1, 10_000);
    expect((await push(cluster.url, [{ symbol: 'DEMO', price: '12.50' }])).status).toBe(200);
    const [{ session, secret } = { session: '', secret: '' }] = ann.hellos();
    const proof = { Authorization: `Session ${session}:${secret}` };
    for (const url of [first.url, second.url, third.url, cluster.url]) {
      const answer = await post('quote', url, { userId: 'ann', symbol: 'DEMO' }, proof);
      expect([answer.status, await answer.json()]).toEqual([200, { delivered: 2 }]);
      expect((await post('quote', url, { userId: 'ben', symbol: 'DEMO' }, proof)).status).toBe(403);
      const wrong = { Authorization: `Session ${session}:${secret.slice(1)}` };
      expect((await post('quote', url, { userId: 'ann', symbol: 'DEMO' }, wrong)).status).toBe(401);
    }
    for (const client of [ann, annToo]) {
      await client.seen('quote', 4);
      expect(client.of('quote')).toMatchObject(
        Array.from({ length: 4 }, () => ({ symbol: 'DEMO', price: '12.50' })),
      );
    }
    expect(ben.of('quote')).toEqual([]);
    expect((await post('quote', cluster.url, { userId: 'cleo', symbol: 'DEMO' })).status).toBe(404);
    const logged = cluster.replicas.flatMap(({ logs }) => logs()).join('\n');
    expect(logged).toContain('/api/quote');
    expect(logged).not.toContain(secret);
    expect(logged).not.toContain(apiKey);
  });

  it('[MS1][MS5] on one machine too, where a worker is killed and another hangs', async () => {
    const cluster = await startEmbeddedCluster({ WORKERS: '3', API_KEYS: apiKey });
    onTestFinished(() => cluster.close());
    const { url } = cluster;
    const join = async (user: string): Promise<Recorder> => {
      const client = createRecorder(url, {
        transports: ['websocket'],
        reconnection: false,
        auth: { userId: user },
      });
      onTestFinished(() => client.close());
      await client.seen('feed', 1, 10_000);
      return client;
    };
    const anns: Recorder[] = [];
    const nodeOf = (client: Recorder): string => client.hellos()[0]?.node ?? '';
    // One user of one connection each: workers take them in turn.
    while (new Set(anns.map(nodeOf)).size < 3) {
      expect(anns.length).toBeLessThan(12);
      anns.push(await join(`ann${anns.length}`));
    }
    const ben = await join('ben');
    await until(async () => (await message(url, { all: true, event: 'all' })).delivered === anns.length + 1);
    for (const [n, client] of anns.entries()) {
      expect(await send(ben, `ann${n}`, 'hi')).toEqual({ ok: true, delivered: 1 });
      await client.seen('message');
      expect(client.of<UserMessage>('message')).toMatchObject([{ from: 'ben', content: 'hi' }]);
    }

    const others = [...new Set(anns.map(nodeOf))].filter((node) => node !== nodeOf(ben));
    const [killed = '', hung = ''] = others;
    const pid = cluster.pidOf(hung);
    expect(pid).not.toBeNull();
    cluster.kill(killed);
    const left = (node: string): number => anns.findIndex((client) => nodeOf(client) === node);
    await until(
      async () => {
        const before = performance.now();
        const answer = await send(ben, `ann${left(killed)}`, 'gone?');
        expect(performance.now() - before).toBeLessThan(answeredWithinMs);
        expect(answer).toMatchObject({ ok: true, delivered: 0 });
        return answer.ok && answer.incomplete === undefined;
      },
      { withinMs: 2_500 },
    );
    process.kill(pid ?? 0, 'SIGSTOP');
    const before = performance.now();
    expect(await send(ben, `ann${left(hung)}`, 'there?')).toMatchObject({ delivered: 0, incomplete: [hung] });
    expect(performance.now() - before).toBeLessThan(answeredWithinMs);
    process.kill(pid ?? 0, 'SIGCONT');
    await until(
      async () => {
        const answer = await send(ben, `ann${left(hung)}`, 'back?');
        return answer.ok && answer.delivered === 1;
      },
      { withinMs: 5_000 },
    );
  });
});
