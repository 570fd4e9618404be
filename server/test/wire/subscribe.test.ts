/** Subscriptions of a client to one replica. */
import { describe, expect, it } from 'vitest';
import type { Snapshot, SubscribeAck, UnsubscribeAck } from '../../protocol/index.ts';
import { until } from '../support/until.ts';
import { shareReplica, startReplica } from './replica-under-test.ts';

const replica = shareReplica({ FEEDS: 'push:A,B,C,D,E,F,G,H,I;simulator:BTC-USD' });

describe('subscribe', () => {
  it('[CN2] sends hello, then feed, before any other event', async () => {
    const { connect } = replica;
    const client = connect();
    await client.seen('feed');
    expect(client.events.slice(0, 2).map(({ event }) => event)).toEqual(['hello', 'feed']);
    expect(client.hellos()[0]).toMatchObject({
      node: 'test',
      user: null,
      session: expect.any(String),
      secret: expect.any(String),
    });
  });

  it('[SB1][SB5] sends the whole set, then a snapshot, then every tick once', async () => {
    const { connect, push } = replica;
    const client = connect();
    expect(await push([{ symbol: 'A', price: '10.50', size: '2' }])).toBe(200);
    expect(await client.subscribe(['a', 'B'])).toMatchObject({
      ok: true,
      symbols: ['A', 'B'],
      results: { A: { ok: true, seq: 1, recovered: false, replayed: 0 }, B: { ok: true, seq: 0 } },
    });
    await client.seen('snapshot');
    expect(client.of<Snapshot>('snapshot')).toEqual([
      {
        reason: 'subscribe',
        quotes: [expect.objectContaining({ symbol: 'A', price: '10.50', volume: '2', seq: 1, stale: false })],
      },
    ]);
    await push([
      { symbol: 'A', price: '10.60' },
      { symbol: 'B', price: '1' },
      { symbol: 'C', price: '1' },
      { symbol: 'A', price: '10.70' },
    ]);
    await client.seen('tick', 3);
    expect(client.ticks().map(({ symbol, seq, price }) => `${symbol}:${seq} ${price}`)).toEqual([
      'A:2 10.60',
      'B:1 1',
      'A:3 10.70',
    ]);
    expect(client.faults()).toEqual([]);
  });

  it('[SB5] neither loses nor repeats a tick, whenever a call arrives between ticks', async () => {
    const { connect } = await startReplica({ UPDATE_INTERVAL: '10' });
    const client = connect({ transports: ['websocket'] });
    for (let round = 0; round < 30; round++) {
      await client.subscribe(['BTC-USD']);
      await until(() => client.ticks().length > round);
      if (round % 3 === 0) await client.call('unsubscribe', ['BTC-USD']);
    }
    expect(client.faults()).toEqual([]);
  });

  it('[SB2] answers each symbol separately, also names of prototypes, rooms and 10,000 letters', async () => {
    const malformed = [
      'b d',
      '*',
      'tick:AAPL',
      'user:someone',
      '#phantom',
      '__proto__',
      '',
      'x'.repeat(10_000),
    ];
    const answer = await replica.connect().subscribe(['A', 'NOPE', 'constructor', ...malformed]);
    expect(answer).toMatchObject({ ok: true, symbols: ['A'] });
    const { results } = answer as Extract<SubscribeAck, { ok: true }>;
    const codes = Object.values(results).map((result) => result.ok || result.code);
    expect(codes).toEqual([true, 4102, 4102, ...malformed.map(() => 4101)]);
    const keys = ['A', 'NOPE', 'CONSTRUCTOR', ...malformed].map((symbol) => symbol.slice(0, 12));
    expect(Object.keys(results).map((key) => key.slice(0, 12))).toEqual(keys);
  });

  it('[SB4] each result repeats the rate; a rate that is not offered rejects the whole call', async () => {
    const { connect } = replica;
    const client = connect();
    for (const everyMs of [5_000, 1_000, 250, 0])
      expect(await client.subscribe({ symbols: ['A'], everyMs })).toMatchObject({
        results: { A: { ok: true, everyMs } },
      });
    expect(await client.subscribe(['B'])).toMatchObject({ results: { B: { everyMs: 0 } } });
    for (const everyMs of [1, 500, 1e9])
      expect(await client.subscribe({ symbols: ['A', 'C'], everyMs })).toMatchObject({
        ok: false,
        name: 'rate_not_offered',
        message: 'everyMs is one of 0, 250, 1000, 5000',
        symbols: ['A', 'B'],
      });
  });

  it('[SB6] after unsubscribe no tick follows; unsubscribe without symbols means all', async () => {
    const { connect, push } = replica;
    const client = connect();
    await client.subscribe(['D', 'E', 'F']);
    expect(await client.call<UnsubscribeAck>('unsubscribe', ['D', 'NOPE', 'x y'])).toEqual({
      ok: true,
      symbols: ['E', 'F'],
    });
    await push([
      { symbol: 'D', price: '1' },
      { symbol: 'E', price: '1' },
    ]);
    await client.seen('tick');
    expect(client.ticks().map(({ symbol }) => symbol)).toEqual(['E']);
    expect(await client.call<UnsubscribeAck>('unsubscribe')).toEqual({ ok: true, symbols: [] });
    expect(await client.subscribe([])).toMatchObject({ ok: true, symbols: [], results: {} });
    expect(await client.subscribe(['E', ...Array.from({ length: 99 }, () => 'E')])).toMatchObject({
      symbols: ['E'],
    });
  });

  it('[C3] answers calls in their order, refusals too', async () => {
    const { connect } = replica;
    const client = connect();
    const order: unknown[] = [];
    const noted = ({ symbols }: { symbols?: string[] }): unknown => order.push(symbols);
    await Promise.all([
      client.subscribe(['G', 'H']).then(noted),
      client.call<UnsubscribeAck>('unsubscribe', ['G']).then(noted),
      client.call<UnsubscribeAck>('nothing').then(noted),
      client.subscribe(['I']).then(noted),
      client.subscribe(7).then(noted),
    ]);
    expect(order).toEqual([['G', 'H'], ['H'], ['H'], ['H', 'I'], ['H', 'I']]);
  });

  it('[C3][C4] answers unknown events of any name and ignores events called error', async () => {
    const { connect } = replica;
    const client = connect();
    for (const event of ['nothing', 'tick', 'snapshot', '__proto__', 'constructor', 'toString', 'error']) {
      expect(await client.call(event, 1)).toMatchObject({ ok: false, code: 4104, name: 'unknown_event' });
    }
    client.socket.emit('error', 'mine');
    client.socket.emit('error');
    client.socket.emit('subscribe', ['A'], 'no function');
    expect(await client.subscribe(['A'])).toMatchObject({ ok: true });
  });

  it('[SB2] while the store is away, every symbol is served with its last price', async () => {
    const { connect, backplane, price } = await startReplica();
    await price({ A: '1', B: '2' });
    backplane.setLink(false);
    const client = connect();
    expect(await client.subscribe(['A', 'B'])).toMatchObject({
      ok: true,
      symbols: ['A', 'B'],
      results: { A: { ok: true, seq: 1 }, B: { ok: true, seq: 1 } },
    });
    await client.seen('snapshot');
    expect(client.of<Snapshot>('snapshot')[0]?.quotes).toMatchObject([
      { symbol: 'A', price: '1', stale: true },
      { symbol: 'B', price: '2', stale: true },
    ]);
  });
});
