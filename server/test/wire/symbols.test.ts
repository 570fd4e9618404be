/** The symbol list changes while a replica runs: what clients get, and what they may ask for afterwards. */
import { describe, expect, it } from 'vitest';
import type { SubscribeAck, Tick } from '../../protocol/index.ts';
import { refusedUpgrade } from '../support/clients/plain-client.ts';
import type { Recorder } from '../support/clients/recorder.ts';
import { until } from '../support/until.ts';
import { startReplica, type ReplicaUnderTest } from './replica-under-test.ts';

async function change(
  { api }: ReplicaUnderTest,
  method: 'PUT' | 'DELETE',
  symbol: string,
  body?: object,
): Promise<{ status: number; body: Record<string, unknown> }> {
  const answer = await api(method, `symbols/${encodeURIComponent(symbol)}`, body);
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
}

/** A replica that leads, and on which A has a price. */
async function leading(env: Record<string, string> = {}): Promise<ReplicaUnderTest> {
  const under = await startReplica(env);
  await under.price({ A: '1' });
  return under;
}

const namesOf = ({ events }: Recorder, symbol: string): string[] =>
  events.flatMap(({ event, payload }) => {
    if (event === 'tick') return (payload as Tick).symbol === symbol ? [`tick ${(payload as Tick).seq}`] : [];
    return event === 'symbols' ? [JSON.stringify(payload)] : [];
  });

function resultOf(answer: SubscribeAck, symbol: string): unknown {
  return answer.ok ? answer.results[symbol] : answer;
}

describe('adding a symbol', () => {
  it('[LS1][LS2] is sent to every client, and the symbol can be subscribed and pushed from then on', async () => {
    const under = await leading();
    const client = under.connect();
    await client.seen('hello');
    const plain = under.stream('/stream');
    await plain.seen('feed');
    expect(resultOf(await client.subscribe(['NEW']), 'NEW')).toMatchObject({ name: 'unknown_symbol' });
    expect(await under.push([{ symbol: 'NEW', price: '5' }])).toBe(404);

    expect(await change(under, 'PUT', 'new')).toEqual({
      status: 201,
      body: { symbol: 'NEW', state: 'listed', feed: 'push' },
    });
    await client.seen('symbols');
    expect(client.of('symbols')).toEqual([{ added: ['NEW'], retired: [], feeds: { NEW: 'push' } }]);
    await plain.seen('symbols');
    expect(plain.of('symbols')).toEqual([
      { type: 'symbols', added: ['NEW'], retired: [], feeds: { NEW: 'push' } },
    ]);
    expect(resultOf(await client.subscribe(['NEW']), 'NEW')).toMatchObject({ ok: true, seq: 0 });
    plain.send('NEW');
    await plain.seen('subscribed');
    expect(await under.push([{ symbol: 'NEW', price: '5' }])).toBe(200);
    await client.seen('tick');
    await plain.seen('tick');
    expect(client.ticks('NEW')).toMatchObject([{ seq: 1, price: '5' }]);
    expect(plain.ticks('NEW')).toMatchObject([{ seq: 1, price: '5' }]);
    const ticks = await fetch(`${under.url}/api/ticks?symbols=NEW`);
    expect(await ticks.json()).toMatchObject({ quotes: [{ symbol: 'NEW', price: '5', stale: false }] });
    const next = under.connect();
    await next.seen('feed');
    const [feed] = next.of<{ sources: { name: string; symbols: string[] }[] }>('feed');
    expect(feed?.sources.find(({ name }) => name === 'push')?.symbols).toEqual(['A', 'B', 'C', 'NEW']);
  });

  it('[LS3][LS7] assigns it to the named source, and the simulator starts it at once, and stops it when it is retired', async () => {
    const under = await leading();
    const client = under.connect();
    expect(await change(under, 'PUT', 'SIM-USD', { feed: 'simulator' })).toMatchObject({
      status: 201,
      body: { feed: 'simulator' },
    });
    await client.subscribe(['SIM-USD', 'BTC-USD']);
    await until(() => client.ticks('SIM-USD').length >= 3 && client.ticks('BTC-USD').length >= 3);
    expect(client.faults()).toEqual([]);
    expect(await under.push([{ symbol: 'SIM-USD', price: '5' }])).toBe(409);
    await change(under, 'DELETE', 'SIM-USD');
    await until(() => namesOf(client, '').at(-1) === '{"added":[],"retired":["SIM-USD"]}');
    const [stopped, others] = ['SIM-USD', 'BTC-USD'].map((symbol) => client.ticks(symbol).length);
    await until(() => client.ticks('BTC-USD').length > (others ?? 0) + 3);
    expect(client.ticks('SIM-USD')).toHaveLength(stopped ?? 0);
  });

  it('[LS1] is refused while no replica leads', async () => {
    const under = await leading();
    under.backplane.setLink(false);
    expect(await change(under, 'PUT', 'NEW')).toMatchObject({ status: 503 });
    under.backplane.setLink(true);
    await until(async () => (await change(under, 'PUT', 'NEW')).status === 201, { withinMs: 10_000 });
  });
});

describe('retiring a symbol', () => {
  it('[LS2] sends the last tick, then the change, then nothing of the symbol, and answers accordingly', async () => {
    const under = await leading();
    const client = under.connect({ transports: ['websocket'] });
    await client.subscribe(['A', 'B']);
    const slow = under.connect({ transports: ['polling'] });
    await slow.subscribe({ symbols: ['A'], everyMs: 5_000 });
    const plain = under.stream('/stream/A');
    await plain.seen('quote');
    await under.push([
      { symbol: 'A', price: '2' },
      { symbol: 'A', price: '3' },
    ]);
    expect(await change(under, 'DELETE', 'a')).toEqual({
      status: 200,
      body: { symbol: 'A', state: 'retired' },
    });
    for (const one of [client, slow]) await one.seen('symbols');
    await plain.seen('symbols');
    const news = '{"added":[],"retired":["A"]}';
    expect(namesOf(client, 'A')).toEqual(['tick 2', 'tick 3', news]);
    expect(namesOf(slow, 'A')).toEqual(['tick 3', news]);
    expect(
      plain.messages
        .map(({ type }) => type)
        .filter((type) => type !== 'feed')
        .slice(-3),
    ).toEqual(['tick', 'tick', 'symbols']);

    expect(await client.subscribe(['B', 'A'])).toMatchObject({
      symbols: ['B'],
      results: { A: { ok: false, name: 'retired', retry: 'never' }, B: { ok: true } },
    });
    expect(await slow.call('unsubscribe', ['NONE'])).toMatchObject({ ok: true, symbols: [] });
    expect(await under.push([{ symbol: 'A', price: '4' }])).toBe(410);
    plain.send('A,B');
    await plain.seen('subscribed', 2);
    expect(plain.of('subscribed')[1]).toMatchObject({
      symbols: ['B'],
      results: { A: { ok: false, name: 'retired' }, B: { ok: true } },
    });
    expect(await refusedUpgrade(under.url, '/stream/A')).toMatchObject({
      status: 410,
      problem: { name: 'retired' },
    });
    expect((await fetch(`${under.url}/api/ticks?symbols=A`)).status).toBe(410);
    const all = (await (await fetch(`${under.url}/api/ticks`)).json()) as { missing: string[] };
    expect(JSON.stringify(all)).not.toContain('"A"');
    const listed = (await (await fetch(`${under.url}/api/symbols`)).json()) as { symbols: object[] };
    expect(listed).toMatchObject({ retired: ['A'] });
    expect(JSON.stringify(listed.symbols)).not.toContain('"A"');
    for (const one of [client, slow, plain]) expect(one.faults()).toEqual([]);
  });

  it('[LS2] stops a replay of the symbol that is still being sent', async () => {
    const under = await leading({ MAX_REPLAY_TICKS: '1000' });
    for (let from = 2; from <= 900; from += 50)
      await under.push(Array.from({ length: 50 }, (_, n) => ({ symbol: 'A', price: `${from + n}` })));
    const client = under.connect({ transports: ['websocket'] });
    const first = resultOf(await client.subscribe(['A']), 'A') as { gen: string; seq: number };
    await client.call('unsubscribe');
    // As a laptop that was shut: from here on nothing is read.
    const { ws } = client.socket.io.engine.transport as unknown as { ws: { pause(): void; resume(): void } };
    ws.pause();
    client.socket.emit('subscribe', { symbols: ['A', 'B'], since: { A: [first.gen, first.seq - 800] } });
    await until(async () => (await under.metric('tickwire_replayed_ticks_total')) === 800);
    expect((await change(under, 'DELETE', 'A')).status).toBe(200);
    ws.resume();
    await under.push([{ symbol: 'B', price: '9' }]);
    await until(() => client.ticks('B').some(({ price }) => price === '9'));
    const names = namesOf(client, 'A');
    const last = names.length - 1;
    expect(names.filter((name) => !name.startsWith('tick'))).toEqual([names[last]]);
    // The first of it was on its way: whole, and no more than was written at once.
    expect(names.slice(0, last)).toEqual(
      Array.from({ length: last }, (_, n) => `tick ${first.seq - 799 + n}`),
    );
    expect(last).toBeGreaterThan(0);
    expect(last).toBeLessThan(800);
    expect(await client.subscribe(['A'])).toMatchObject({ symbols: ['B'] });
  });
});
