/** Messages to users whose sessions are on replicas that are killed or frozen. */
import { describe, expect, it, onTestFinished } from 'vitest';
import type { UserMessage } from '../../protocol/index.ts';
import { apiKey, push, startClusterUnderTest } from '../cluster/cluster-under-test.ts';
import { answeredWithinMs, message, post, send, three } from '../cluster/message-calls.ts';
import { startEmbeddedCluster } from '../support/processes/embedded-cluster.ts';
import { createRecorder, type Recorder } from '../support/clients/recorder.ts';
import { until } from '../support/until.ts';

describe('messages', () => {
  it('[MS5] a frozen replica is named and not waited for, and is counted again when it goes on', async () => {
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
    // Until the replica counts as dead, the others do not know whether the user has a session.
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

  it('[MS1][MS5] on the local backplane a killed and a frozen worker are not waited for', async () => {
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
    // Each user has one connection, because workers accept connections in turn.
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
