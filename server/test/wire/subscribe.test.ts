import { describe, expect, it } from 'vitest';
import type { Snapshot, SubscribeAck, UnsubscribeAck } from '../../protocol/index.ts';
import { until } from '../support/until.ts';
import { startReplica } from './replica-under-test.ts';

describe('subscribe', () => {
  it('[CN2] greets with hello and feed before anything else', async () => {
    const { connect } = await startReplica();
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

  it('[SB1][SB5] answers with the whole set, then a snapshot, then every tick once', async () => {
    const { connect, push } = await startReplica();
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

  it('[SB5] loses and repeats nothing, however the calls fall between ticks', async () => {
    const { connect } = await startReplica({ UPDATE_INTERVAL: '10' });
    const client = connect({ transports: ['websocket'] });
    for (let round = 0; round < 30; round++) {
      await client.subscribe(['BTC-USD']);
      await until(() => client.ticks().length > round);
      if (round % 3 === 0) await client.call('unsubscribe', ['BTC-USD']);
    }
    expect(client.faults()).toEqual([]);
  });

  it('[SB2] answers each symbol by itself, also those with names of prototypes', async () => {
    const { connect } = await startReplica();
    const answer = await connect().subscribe([
      'A',
      'NOPE',
      'b d',
      '__proto__',
      'constructor',
      '',
      'x'.repeat(10_000),
    ]);
    expect(answer).toMatchObject({ ok: true, symbols: ['A'] });
    const results = (answer as Extract<SubscribeAck, { ok: true }>).results;
    expect(
      Object.entries(results).map(([key, result]) => [key.slice(0, 12), result.ok || result.code]),
    ).toEqual([
      ['A', true],
      ['NOPE', 4102],
      ['b d', 4101],
      ['__proto__', 4101],
      ['CONSTRUCTOR', 4102],
      ['', 4101],
      ['xxxxxxxxxxxx', 4101],
    ]);
  });

  it.each<[string, unknown[]]>([
    ['nothing', []],
    ['null', [null]],
    ['a number', [7]],
    ['a text', ['A']],
    ['a list of other things', [['A', 7]]],
    ['an object without symbols', [{ everyMs: 0 }]],
    ['symbols that are no list', [{ symbols: 'A' }]],
    ['unknown keys', [{ symbols: ['A'], every: 1 }]],
    ['everyMs as text', [{ symbols: ['A'], everyMs: '5' }]],
    ['everyMs below zero', [{ symbols: ['A'], everyMs: -1 }]],
    ['since as a number', [{ symbols: ['A'], since: -1 }]],
    ['since with a broken position', [{ symbols: ['A'], since: { A: ['gen001', 1.5] } }]],
    ['two payloads', [['A'], ['B']]],
    ['a thousand payloads', Array.from({ length: 1_000 }, () => 'A')],
  ])('[SB3] refuses %s whole, and the set stays', async (_, payload) => {
    const { connect } = await startReplica();
    const client = connect();
    await client.subscribe(['B']);
    expect(await client.call('subscribe', ...payload)).toMatchObject({
      ok: false,
      code: 4100,
      name: 'bad_payload',
      retry: 'never',
      symbols: ['B'],
    });
  });

  it('[SB3] refuses a list that is too long', async () => {
    const { connect } = await startReplica();
    expect(await connect().subscribe(Array.from({ length: 10_001 }, () => 'A'))).toMatchObject({
      ok: false,
      name: 'too_many_symbols',
    });
  });

  it('[SB4] each result repeats the rate, and one that is not offered is refused whole', async () => {
    const { connect } = await startReplica();
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

  it('[SB6] after unsubscribe no tick comes; nothing means all', async () => {
    const { connect, push } = await startReplica();
    const client = connect();
    await client.subscribe(['A', 'B', 'C']);
    expect(await client.call<UnsubscribeAck>('unsubscribe', ['A', 'NOPE', 'x y'])).toEqual({
      ok: true,
      symbols: ['B', 'C'],
    });
    await push([
      { symbol: 'A', price: '1' },
      { symbol: 'B', price: '1' },
    ]);
    await client.seen('tick');
    expect(client.ticks().map(({ symbol }) => symbol)).toEqual(['B']);
    expect(await client.call<UnsubscribeAck>('unsubscribe')).toEqual({ ok: true, symbols: [] });
  });

  it('[C3] answers calls in their order, also when an earlier one waits', async () => {
    const { connect } = await startReplica();
    const client = connect();
    const answers = await Promise.all([
      client.subscribe(['A', 'B']),
      client.call<UnsubscribeAck>('unsubscribe', ['A']),
      client.subscribe(['C']),
    ]);
    expect(answers.map(({ symbols }) => symbols)).toEqual([['A', 'B'], ['B'], ['B', 'C']]);
  });

  it('[C3] a refusal waits for its turn too', async () => {
    const { connect } = await startReplica();
    const client = connect();
    const order: string[] = [];
    const told = (name: string) => (answer: unknown) => (order.push(name), answer);
    await Promise.all([
      client.subscribe(['A', 'B', 'C']).then(told('good')),
      client.call('nothing').then(told('unknown')),
      client.subscribe(7).then(told('bad')),
    ]);
    expect(order).toEqual(['good', 'unknown', 'bad']);
  });

  it('[C3] a flood of calls gets an answer each', async () => {
    const { connect, backplane } = await startReplica();
    const client = connect();
    await client.seen('hello');
    backplane.setLink(false);
    const answers = await Promise.all(Array.from({ length: 700 }, () => client.subscribe(['A'])));
    expect(answers.some((answer) => !answer.ok && answer.name === 'too_many_calls')).toBe(true);
  });

  it('[C3][C4] answers unknown events, whatever their name, and goes on', async () => {
    const { connect } = await startReplica();
    const client = connect();
    for (const event of ['nothing', 'tick', 'snapshot', '__proto__', 'constructor', 'toString', 'error']) {
      expect(await client.call(event, 1)).toMatchObject({ ok: false, code: 4104, name: 'unknown_event' });
    }
    client.socket.emit('error');
    client.socket.emit('subscribe', ['A'], 'no function');
    expect(await client.subscribe(['A'])).toMatchObject({ ok: true });
  });

  it('without the store a new symbol is refused for now, and the others are served', async () => {
    const { connect, backplane } = await startReplica();
    const client = connect();
    await client.subscribe(['A']);
    backplane.setLink(false);
    expect(await client.subscribe(['A', 'B'])).toMatchObject({
      ok: true,
      symbols: ['A'],
      results: { A: { ok: true }, B: { ok: false, code: 4500 } },
    });
  });
});
