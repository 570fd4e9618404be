/** Bad events: each gets one answer, and a client beside it notices nothing. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { codes, type Snapshot } from '../../protocol/index.ts';
import { eventRows } from '../security/catalogue/event-rows.ts';
import { createRecorder, type Recorder } from '../support/clients/recorder.ts';
import { until } from '../support/until.ts';
import { resultOf, shareBystander, shareReplica, startReplica } from './replica-under-test.ts';

const replica = shareReplica({
  FEEDS: 'simulator:BTC-USD,AAPL,MSFT',
  MAX_SUBSCRIPTIONS: '2',
  MAX_CALLS_PER_SECOND: '10000',
});
shareBystander(replica);

describe('bad events', () => {
  /** It has one symbol: a refusal must not change that. */
  let client: Recorder;
  beforeAll(async () => {
    client = createRecorder(replica.url, { transports: ['websocket'], reconnection: false });
    await client.subscribe(['AAPL']);
    await client.seen('snapshot');
  });
  afterAll(() => client.close());

  for (const [wrong, event, payload, name = 'bad_payload'] of eventRows)
    it(`[SB3] rejects ${event}: ${wrong}`, async () => {
      const { code, retry } = codes[name];
      const refused = { ok: false, code, name, retry, symbols: ['AAPL'] };
      expect(await client.call(event, ...payload)).toMatchObject(refused);
    });

  it.each<[string, [string, number]]>([
    ['beyond the head', ['', 1_000_000]],
    ['of an unknown generation', ['nogen1', 1]],
    ['of a generation named like a prototype', ['__proto__', 1]],
  ])('[RC2] recovers nothing from a position %s', async (_, [gen, seq]) => {
    const known = client.of<Snapshot>('snapshot')[0]?.quotes[0]?.gen;
    const since = { AAPL: [gen === '' ? known : gen, seq] };
    const answer = await client.subscribe({ symbols: ['AAPL'], since });
    expect(resultOf(answer, 'AAPL')).toMatchObject({ recovered: false, replayed: 0 });
  });

  it('[RC2] ignores positions whose symbols are named like prototypes', async () => {
    const since = JSON.parse('{"__proto__": ["gen001", 1], "constructor": ["gen001", 1]}') as object;
    const answer = await client.subscribe({ symbols: ['AAPL'], since });
    expect(answer.symbols).toEqual(['AAPL']);
    expect(Object.hasOwn(Object.prototype, 'AAPL')).toBe(false);
  });
});

describe('limits', () => {
  it('[LM6] rejects a whole list that exceeds MAX_SUBSCRIPTIONS, and names the first symbol beyond it', async () => {
    const client = await replica.join();
    await client.subscribe(['AAPL']);
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

  it.each(['websocket', 'polling'])(
    '[C3][LM4] answers every call of a flood over %s, rejects those beyond MAX_CALLS_PER_SECOND, and accepts calls later',
    async (transport) => {
      const limited = await startReplica({ MAX_CALLS_PER_SECOND: '2' });
      const client = await limited.join({ transports: [transport] });
      const answers = await Promise.all(Array.from({ length: 60 }, () => client.subscribe(['A'])));
      const refused = answers.filter((answer) => !answer.ok);
      // 20 at once and 2 more per second. The join weighs 5, and a call with one symbol 1.05.
      expect(refused.length).toBeGreaterThan(20);
      expect(refused.length).toBeLessThanOrEqual(46);
      for (const answer of refused)
        expect(answer).toEqual({
          ok: false,
          code: 4202,
          name: 'too_many_calls',
          retry: 'later',
          message: expect.any(String),
        });
      await until(async () => (await client.subscribe(['A'])).ok);
      expect(client.hellos()).toHaveLength(1);
    },
  );

  it('[LM4] accepts 500 calls at once by default, as a page makes them when it connects', async () => {
    const client = (await startReplica()).connect({ transports: ['websocket'] });
    const answers = await Promise.all(Array.from({ length: 500 }, (_, n) => client.subscribe([`NO${n}`])));
    expect(answers.every(({ ok }) => ok)).toBe(true);
  });
});
