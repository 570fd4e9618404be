/** What a replica says of the feed, over the wire. */
import { describe, expect, it } from 'vitest';
import type { FeedState, Quote, Snapshot } from '../../protocol/index.ts';
import { until } from '../support/until.ts';
import { startReplica } from './replica-under-test.ts';

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

  it('[FR2][FR3][PW3] is stale while the link is down, marks quotes as stale, and is live again afterwards', async () => {
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
    expect((await fetch(`${url}/health/ready`)).status).toBe(503);

    backplane.setLink(true);
    await until(() => client.of<FeedState>('feed').at(-1)?.state === 'live');
    await until(async () => (await push([{ symbol: 'A', price: '2' }])) === 200);
    await until(() => client.ticks('A').some(({ price }) => price === '2'));
    expect(client.faults()).toEqual([]);
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
