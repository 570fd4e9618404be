/** What a replica says of the feed, over the wire. */
import { describe, expect, it } from 'vitest';
import type { FeedState, Quote, Snapshot } from '../../protocol/index.ts';
import { until } from '../support/until.ts';
import { resultOf, startReplica, type ReplicaUnderTest } from './replica-under-test.ts';

/** Says it once in the leader's place. The next beat says what is true. */
async function sayStale({ url, backplane, connect }: ReplicaUnderTest, source: string): Promise<void> {
  const { gen } = resultOf(await connect().subscribe(['BTC-USD']), 'BTC-USD');
  const { leader } = (await (await fetch(`${url}/health`)).json()) as { leader: { epoch: number } };
  const sources = [{ name: source, state: 'stale' as const }];
  const feed = { state: 'live' as const, since: 1, reason: '', sources };
  backplane.messages.sendAll('announcement', { node: 'test', epoch: leader.epoch, gen, number: 0, feed });
}

describe('freshness', () => {
  it('[FR1] is live once a leader publishes, with each source and its symbols', async () => {
    const { connect } = await startReplica();
    const client = connect();
    const live = await until(() => client.of<FeedState>('feed').find(({ state }) => state === 'live'));
    expect(live.sources).toEqual([
      { name: 'push', state: 'live', symbols: ['A', 'B', 'C'] },
      { name: 'simulator', state: 'live', symbols: ['BTC-USD'] },
    ]);
  });

  it('[FR2][FR3][PW3] while the link is down the replica is ready, serves old and new clients its last quotes marked stale, and is live again afterwards', async () => {
    const { connect, stream, backplane, push, url } = await startReplica();
    const [client, plain] = [connect(), stream('/stream/A')];
    await client.subscribe(['A']);
    await push([{ symbol: 'A', price: '1' }]);
    await client.seen('tick');

    backplane.setLink(false);
    const stale = await until(() =>
      client
        .of<FeedState>('feed')
        .find(({ state, reason }) => state === 'stale' && reason.includes('cut by the test')),
    );
    expect(stale.sources.every(({ state }) => state === 'stale')).toBe(true);
    await until(() => plain.of('feed').at(-1)?.['state'] === 'stale');
    await client.subscribe(['A']);
    await until(() =>
      client.of<Snapshot>('snapshot').some(({ quotes }) => quotes.some(({ stale: old }: Quote) => old)),
    );
    expect((await fetch(`${url}/health/ready`)).status).toBe(200);
    const { quotes } = (await (await fetch(`${url}/api/ticks?symbols=A`)).json()) as { quotes: Quote[] };
    expect(quotes).toMatchObject([{ symbol: 'A', price: '1', stale: true }]);
    const late = connect();
    expect(await late.subscribe(['A'])).toMatchObject({ results: { A: { ok: true, seq: 1 } } });
    await late.seen('snapshot');
    expect(late.of<Snapshot>('snapshot')[0]?.quotes).toMatchObject([{ price: '1', stale: true }]);

    backplane.setLink(true);
    await until(() => client.of<FeedState>('feed').at(-1)?.state === 'live');
    await until(async () => (await push([{ symbol: 'A', price: '2' }])) === 200);
    for (const one of [client, late]) await until(() => one.ticks('A').some(({ price }) => price === '2'));
    expect([...client.faults(), ...late.faults()]).toEqual([]);
  });

  it('[FR1][LS2] a list of 5,000 symbols is sent once: outages and changes of the list cost a few bytes', async () => {
    const many = Array.from({ length: 5_000 }, (_, index) => `L${index + 1}`);
    const under = await startReplica({ FEEDS: `push:${many.join()};simulator:BTC-USD` });
    await under.price({ L1: '1' });
    const client = await under.raw();
    client.send('40');
    const feed = await client.said('42["feed"');
    expect(feed.length).toBeGreaterThan(30_000);
    const count = (start: string): number => client.texts.filter((text) => text.startsWith(start)).length;
    const bytes = (): number => client.texts.join('').length;
    const before = bytes();
    const feeds = count('42["feed"');

    under.backplane.setLink(false);
    await until(() => count('42["feed"') === feeds + 1);
    under.backplane.setLink(true);
    await until(() => count('42["feed"') === feeds + 2);
    // One source of several is stale.
    await sayStale(under, 'push');
    await until(() =>
      client.texts.some((text) => text.includes('"sources":[{"name":"push","state":"stale"')),
    );
    const added = Array.from({ length: 20 }, (_, index) => `NEW${index + 1}`);
    for (const symbol of added) await until(async () => (await under.api('PUT', `symbols/${symbol}`)).ok);
    await until(() => count('42["symbols"') === added.length);
    expect(bytes() - before).toBeLessThan(10_000);
  });

  it('[HB1][PW3] a client without ticks gets heartbeats, also at a slow rate and on a plain WebSocket', async () => {
    const { connect, stream } = await startReplica({}, { speed: 4 });
    const [silent, slow] = [connect(), connect()];
    await silent.subscribe(['A']);
    await slow.subscribe({ symbols: ['BTC-USD'], everyMs: 5_000 });
    const plain = stream('/stream/A');
    await Promise.all([silent.seen('heartbeat', 2), plain.seen('heartbeat', 2), slow.seen('heartbeat')]);
    expect(silent.of<{ at: number }>('heartbeat')[0]?.at).toBeGreaterThan(Date.now() - 10_000);
    expect(plain.of('heartbeat')[0]).toEqual({ type: 'heartbeat', at: expect.any(Number) as number });
  });

  it('[SQ5] drops a forged tick of a symbol, and lets other packets of its room pass', async () => {
    const { connect, replica, push } = await startReplica();
    const client = connect();
    await push([{ symbol: 'A', price: '1' }]);
    const answer = await client.subscribe(['A']);
    const gen = answer.ok && answer.results['A']?.ok === true ? answer.results['A'].gen : '';
    const room = replica.io.to('tick:A') as unknown as { emit(event: string, payload: unknown): void };
    room.emit('tick', { symbol: 'A', price: '9', gen, seq: 1_000, ts: 1 });
    room.emit('news', 'about A');
    await push([{ symbol: 'A', price: '2' }]);
    await client.seen('tick');
    expect(client.of('news')).toEqual(['about A']);
    expect(client.ticks().map(({ seq }) => seq)).toEqual([2]);
  });
});
