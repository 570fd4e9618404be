import { describe, expect, it } from 'vitest';
import type { FeedState, Quote, Snapshot } from '../../protocol/index.ts';
import { until } from '../support/until.ts';
import { startReplica } from './replica-under-test.ts';

describe('freshness', () => {
  it('[FR1] says live once a leader publishes, with each source and its symbols', async () => {
    const { connect } = await startReplica();
    const client = connect();
    const live = await until(() => client.of<FeedState>('feed').find(({ state }) => state === 'live'));
    expect(live.sources).toEqual([
      { name: 'push', state: 'live', symbols: ['A', 'B', 'C'] },
      { name: 'simulator', state: 'live', symbols: ['BTC-USD'] },
    ]);
  });

  it('[FR2][FR3] says stale when the link is down, serves last quotes marked so, and is live again after it', async () => {
    const { connect, backplane, push, url } = await startReplica();
    const client = connect();
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

  it('[HB1] a silent socket gets a heartbeat each second, one with ticks none', async () => {
    const { connect } = await startReplica();
    const silent = connect();
    const busy = connect();
    await silent.subscribe(['A']);
    await busy.subscribe(['BTC-USD']);
    await silent.seen('heartbeat', 2);
    expect(silent.of<{ at: number }>('heartbeat')[0]?.at).toBeGreaterThan(Date.now() - 10_000);
    expect(busy.ticks().length).toBeGreaterThan(10);
    expect(busy.of('heartbeat')).toEqual([]);
  });

  it('[SQ5] a forged tick of a symbol is not let pass, other packets in its room are', async () => {
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

describe('closing', () => {
  it('[CL1][CL2] a leaving replica says shutdown, and stock clients try again', async () => {
    const { connect, replica } = await startReplica();
    const client = connect();
    const polling = connect({ transports: ['polling'] });
    await client.seen('hello');
    await polling.seen('hello');
    const reasons: string[] = [];
    for (const { socket } of [client, polling]) socket.on('disconnect', (reason) => reasons.push(reason));
    await replica.close();
    await until(() => reasons.length === 2);
    // A disconnect packet would read `io server disconnect`.
    expect(reasons).toEqual([expect.stringMatching(/^transport/), expect.stringMatching(/^transport/)]);
    expect(client.of('shutdown')).toEqual([{ reconnectInMs: expect.any(Number) }]);
    expect([client.socket.active, polling.socket.active]).toEqual([true, true]);
  });
});
