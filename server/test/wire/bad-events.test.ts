/** Each bad event gets its one answer, and a client beside it notices nothing. */
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { Snapshot, SubscribeAck, SubscribeResult } from '../../protocol/index.ts';
import { createRecorder, type Recorder } from '../support/recorder.ts';
import { until } from '../support/until.ts';
import { startReplicaProcess, type ReplicaProcess } from './replica-process.ts';

let replica: ReplicaProcess;

beforeAll(async () => {
  replica = await startReplicaProcess({ FEEDS: 'simulator:BTC-USD,AAPL,MSFT', MAX_SUBSCRIPTIONS: '2' });
});
afterEach(() => replica.unharmed());
afterAll(() => replica.stop());

/** A client with one symbol, so that a refusal is seen to change nothing. */
async function subscribed(transports: ('websocket' | 'polling')[] = ['websocket']): Promise<Recorder> {
  const client = createRecorder(replica.url, { transports, reconnection: false });
  onTestFinished(() => client.close());
  expect(await client.subscribe(['AAPL'])).toMatchObject({ ok: true, symbols: ['AAPL'] });
  return client;
}

function resultsOf(answer: SubscribeAck): Record<string, SubscribeResult> {
  if (!answer.ok) throw new Error(`refused: ${answer.name}`);
  return answer.results;
}

const same = Array.from({ length: 100 }, () => 'BTC-USD');

describe('events', () => {
  it.each<[string, string, unknown[]]>([
    ['no payload', 'subscribe', []],
    ['null', 'subscribe', [null]],
    ['a number', 'subscribe', [7]],
    ['an empty object', 'subscribe', [{}]],
    ['symbols that are no list', 'subscribe', [{ symbols: { 0: 'A' } }]],
    ['a list in a list', 'subscribe', [[['AAPL']]]],
    ['binary', 'subscribe', [Buffer.from('AAPL')]],
    ['everyMs as text', 'subscribe', [{ symbols: ['AAPL'], everyMs: '5' }]],
    ['everyMs of -1', 'subscribe', [{ symbols: ['AAPL'], everyMs: -1 }]],
    ['since of another form', 'subscribe', [{ symbols: ['AAPL'], since: ['AAPL', 1] }]],
    ['a position of -1', 'subscribe', [{ symbols: ['AAPL'], since: { AAPL: ['gen001', -1] } }]],
    ['a position of 1.5', 'subscribe', [{ symbols: ['AAPL'], since: { AAPL: ['gen001', 1.5] } }]],
    ['a position as text', 'subscribe', [{ symbols: ['AAPL'], since: { AAPL: ['gen001', '5'] } }]],
    ['a position of 2^53', 'subscribe', [{ symbols: ['AAPL'], since: { AAPL: ['gen001', 2 ** 53] } }]],
    ['a position of three', 'subscribe', [{ symbols: ['AAPL'], since: { AAPL: ['gen001', 5, 5] } }]],
    ['a generation that is a number', 'subscribe', [{ symbols: ['AAPL'], since: { AAPL: [1, 5] } }]],
    ['a key too many', 'subscribe', [{ symbols: ['AAPL'], room: 'x' }]],
    ['1,000 payloads', 'subscribe', Array.from({ length: 1_000 }, () => 'AAPL')],
    ['unsubscribe with a number', 'unsubscribe', [7]],
    ['unsubscribe with an object', 'unsubscribe', [{ symbols: ['AAPL'] }]],
    ['unsubscribe with two lists', 'unsubscribe', [['AAPL'], ['AAPL']]],
  ])('[SB3] %s is refused whole', async (_, event, payload) => {
    const client = await subscribed();
    expect(await client.call(event, ...payload)).toMatchObject({
      ok: false,
      code: 4100,
      name: 'bad_payload',
      retry: 'never',
      symbols: ['AAPL'],
    });
  });

  it.each([
    ['subscribe', 10_001],
    ['unsubscribe', 10_001],
  ])('[SB3] %s of %d symbols is refused whole', async (event, length) => {
    const client = await subscribed();
    expect(
      await client.call(
        event,
        Array.from({ length }, () => 'AAPL'),
      ),
    ).toMatchObject({
      name: 'too_many_symbols',
      symbols: ['AAPL'],
    });
  });

  it('[SB4] a rate that is none is refused', async () => {
    const client = await subscribed();
    expect(await client.subscribe({ symbols: ['AAPL'], everyMs: 1e9 })).toMatchObject({
      name: 'rate_not_offered',
    });
  });

  it('[SB2] symbols that are none are answered one by one', async () => {
    const client = await subscribed();
    const bad = ['AA PL', '*', 'tick:AAPL', 'user:someone', '#sequencer', 'A'.repeat(10_000), '', ' AAPL'];
    const results = resultsOf(await client.subscribe(['aapl', ...bad, 'NOPE']));
    expect(results['AAPL']).toMatchObject({ ok: true });
    expect(results['NOPE']).toMatchObject({ name: 'unknown_symbol' });
    expect(Object.values(results).filter((one) => !one.ok && one.name === 'bad_symbol')).toHaveLength(
      bad.length,
    );
    expect(Object.keys(results).every((key) => key.length <= 40)).toBe(true);
  });

  it('[SB1] an empty list, and the same symbol a hundred times, are no fault', async () => {
    const client = await subscribed();
    expect(await client.subscribe([])).toMatchObject({ ok: true, symbols: ['AAPL'], results: {} });
    expect(Object.keys(resultsOf(await client.subscribe(same)))).toEqual(['BTC-USD']);
    await client.seen('tick', 5);
    expect(client.faults()).toEqual([]);
  });

  it.each<[string, [string, number]]>([
    ['beyond the head', ['', 1_000_000]],
    ['of a generation that never was', ['nogen1', 1]],
    ['of a generation with the name of a prototype', ['__proto__', 1]],
  ])('[RC2] a position %s recovers nothing', async (_, [gen, seq]) => {
    const client = await subscribed();
    await client.seen('snapshot');
    const known = client.of<Snapshot>('snapshot')[0]?.quotes[0]?.gen;
    const since = { AAPL: [gen === '' ? known : gen, seq] };
    const results = resultsOf(await client.subscribe({ symbols: ['AAPL'], since }));
    expect(results['AAPL']).toMatchObject({ ok: true, recovered: false, replayed: 0 });
  });

  it('positions under names of prototypes are nobody’s', async () => {
    const client = await subscribed();
    const since = JSON.parse('{"__proto__": ["gen001", 1], "constructor": ["gen001", 1]}') as object;
    const answer = await client.subscribe({ symbols: ['AAPL'], since });
    expect(answer.symbols).toEqual(['AAPL']);
    expect(Object.hasOwn(Object.prototype, 'AAPL')).toBe(false);
  });

  it.each([
    'hello',
    'tick',
    'snapshot',
    'feed',
    'heartbeat',
    'shutdown',
    'refused',
    'message',
    'quote',
    'tick:BTC-USD',
  ])('[C3] %s, which only a server sends, is no event, and nobody gets it', async (event) => {
    const client = await subscribed();
    expect(await client.call(event, { symbol: 'BTC-USD', price: '1', gen: 'x', seq: 1 })).toMatchObject({
      name: 'unknown_event',
      symbols: ['AAPL'],
    });
  });

  it('what is no function is no acknowledgement, and an event called error no fault', async () => {
    const client = await subscribed();
    client.socket.emit('subscribe', ['AAPL'], 'no function');
    client.socket.emit('error', new Error('mine').message);
    client.socket.emit('error');
    expect(await client.subscribe(['AAPL'])).toMatchObject({ ok: true });
  });
});

describe('limits', () => {
  it('[LM6] a list that goes beyond MAX_SUBSCRIPTIONS is refused whole and names the symbol', async () => {
    const client = await subscribed();
    const answer = await client.subscribe(['AAPL', 'NOPE', 'BTC-USD', 'MSFT']);
    expect(answer).toMatchObject({
      ok: false,
      code: 4203,
      name: 'too_many_subscriptions',
      retry: 'never',
      symbols: ['AAPL'],
    });
    expect(!answer.ok && answer.message).toMatch(/\b2 symbols\b.*\bMSFT\b/);
    expect(await client.subscribe(['AAPL', 'NOPE', 'BTC-USD'])).toMatchObject({
      symbols: ['AAPL', 'BTC-USD'],
    });
    await client.call('unsubscribe', ['AAPL']);
    expect(await client.subscribe(['MSFT'])).toMatchObject({ ok: true, symbols: ['BTC-USD', 'MSFT'] });
  });

  it.each(['websocket', 'polling'] as const)(
    '[LM4] calls beyond MAX_CALLS_PER_SECOND are refused over %s, and taken later',
    async (transport) => {
      const client = await subscribed([transport]);
      const answers = await Promise.all(Array.from({ length: 700 }, () => client.subscribe(['AAPL'])));
      const refused = answers.filter((answer) => !answer.ok);
      expect(refused.length).toBeGreaterThan(50);
      expect(refused.length).toBeLessThan(200);
      for (const answer of refused)
        expect(answer).toEqual({
          ok: false,
          code: 4202,
          name: 'too_many_calls',
          retry: 'later',
          message: expect.any(String),
        });
      await until(async () => (await client.subscribe(['AAPL'])).ok);
      expect(client.faults()).toEqual([]);
      expect(client.socket.connected).toBe(true);
    },
  );

  it('a page may ask for 500 symbols one by one as soon as it connects', async () => {
    const client = createRecorder(replica.url, { transports: ['websocket'] });
    onTestFinished(() => client.close());
    const answers = await Promise.all(Array.from({ length: 500 }, (_, n) => client.subscribe([`NO${n}`])));
    expect(answers.every(({ ok }) => ok)).toBe(true);
  });
});
