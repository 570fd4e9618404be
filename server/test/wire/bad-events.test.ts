/** Each bad event gets its one answer, and a client beside it notices nothing. */
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { codes, type Snapshot, type SubscribeAck, type SubscribeResult } from '../../protocol/index.ts';
import { eventRows } from '../security/catalogue/event-rows.ts';
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
  it.each(eventRows)('[SB3] $name: refused', async ({ send: [event, ...payload], expect: name }) => {
    const client = await subscribed();
    const { code, retry } = codes[name];
    expect(await client.call(event, ...payload)).toMatchObject({
      ok: false,
      code,
      name,
      retry,
      symbols: ['AAPL'],
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
