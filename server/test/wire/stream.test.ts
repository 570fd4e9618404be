/** Plain WebSockets: what they get, what is refused, and that it equals what Socket.IO clients get. */
import { connect } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Quote } from '../../protocol/index.ts';
import { refusedUpgrade } from '../support/clients/plain-client.ts';
import { secretToken } from '../support/stand-ins/tokens.ts';
import { until } from '../support/until.ts';
import { shareReplica, signIn, startReplica, type ReplicaUnderTest } from './replica-under-test.ts';

/** A replica on which A, B and C have the prices 1, 2 and 3. */
async function withPrices(): Promise<ReplicaUnderTest> {
  const under = await startReplica();
  await under.price({ A: '1', B: '2', C: '3' });
  return under;
}
const open = shareReplica();

const typesOf = (messages: readonly { type: string }[]): string => messages.map(({ type }) => type).join(' ');

describe('what a plain client gets', () => {
  it('[PW1][PW3][PW4] hello, feed, the answer, a quote per symbol, then every tick', async () => {
    const under = await withPrices();
    const client = under.stream('/stream?symbols=a,B');
    await client.seen('quote', 2);
    await under.push([
      { symbol: 'B', price: '2.5' },
      { symbol: 'C', price: '9' },
      { symbol: 'A', price: '1.5', size: '3' },
    ]);
    await client.seen('tick', 2);
    expect(typesOf(client.messages)).toBe('hello feed subscribed quote quote tick tick');
    const [hello, feed, subscribed, quote] = client.messages;
    expect(hello).toMatchObject({ node: 'test', user: null });
    expect(feed).toMatchObject({ state: 'live', sources: expect.any(Array) as unknown });
    expect(subscribed).toEqual({
      type: 'subscribed',
      symbols: ['A', 'B'],
      results: {
        A: { ok: true, gen: quote?.['gen'], seq: 1, everyMs: 0, recovered: false, replayed: 0 },
        B: { ok: true, gen: quote?.['gen'], seq: 1, everyMs: 0, recovered: false, replayed: 0 },
      },
    });
    expect(quote).toMatchObject({ symbol: 'A', reason: 'subscribe', price: '1', seq: 1, stale: false });
    expect(client.ticks('A')).toMatchObject([{ price: '1.5', size: '3', seq: 2 }]);
    expect(client.faults()).toEqual([]);
  });

  it('[PW4][SB2] an answer per message, which adds symbols, and a result per symbol', async () => {
    const under = await withPrices();
    const client = under.stream('/stream');
    await client.seen('feed');
    client.send('A');
    client.send(' b , NONE, c, no good');
    client.send('');
    client.socket.send(Buffer.from('A'));
    await client.seen('error', 2);
    expect(typesOf(client.messages)).toBe('hello feed subscribed quote subscribed quote quote error error');
    const [, second] = client.of('subscribed');
    expect(second).toMatchObject({
      symbols: ['A', 'B', 'C'],
      results: {
        NONE: { ok: false, code: 4102, name: 'unknown_symbol' },
        'no good': { ok: false, code: 4101, name: 'bad_symbol' },
      },
    });
    for (const error of client.of('error'))
      expect(error).toMatchObject({ code: 4100, name: 'bad_payload', symbols: ['A', 'B', 'C'] });
    await under.push([{ symbol: 'C', price: '4' }]);
    await client.seen('tick');
    expect(client.socket.readyState).toBe(client.socket.OPEN);
  });
});

describe('what is refused before the upgrade', () => {
  it.each([
    ['/socket.io', 404, 'not_found'],
    ['/stream/%E0%A4%A', 400, 'bad_symbol'],
    ['/stream?symbols=A,NONE', 404, 'unknown_symbol'],
    ['/stream/A?everyMs=-1', 400, 'rate_not_offered'],
    ['/stream/A?since=A:gen001:1:1', 400, 'bad_payload'],
    ['/stream/A?user=a%20b', 400, 'bad_user_id'],
  ])('[PW1][PW2] rejects the upgrade of %s', async (path, status, name) => {
    const answer = await refusedUpgrade(open.url, path);
    expect(answer).toMatchObject({ status, problem: { status, name } });
    expect(answer.headers['content-type']).toBe('application/problem+json');
  });

  it('[PW1] rejects requests that ask for no upgrade', async () => {
    for (const path of ['/stream', '/stream/', '/stream/A', '/stream?symbols=A']) {
      const response = await fetch(open.url + path);
      expect([response.status, await response.json()]).toMatchObject([426, { name: 'upgrade_required' }]);
    }
    expect((await fetch(`${open.url}/stream/A`, { method: 'POST' })).status).toBe(405);
  });

  it('[PW1] rejects a malformed handshake', async () => {
    const tcp = connect(open.port, '127.0.0.1');
    onTestFinished(() => void tcp.destroy());
    let said = '';
    tcp.on('data', (chunk: Buffer) => (said += chunk.toString()));
    tcp.write(
      'GET /stream/A HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 14\r\n' +
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
    );
    await until(() => tcp.readableEnded || tcp.destroyed);
    expect(said).toMatch(/^HTTP\/1\.1 400 [^]*application\/problem\+json[^]*"name":"bad_payload"/);
    expect(said).toContain('Sec-WebSocket-Version: 13\r\n');
  });
});

describe('a plain client', () => {
  it('[PW2][SI1] names its user without sign-in; the answer repeats no token', async () => {
    const client = open.stream('/stream/A?user=ann', { protocols: ['bearer', 'aaa.bbb.ccc'] });
    await client.seen('hello');
    expect(client.of('hello')[0]).toMatchObject({ user: 'ann' });
    expect(client.socket.protocol).toBe('bearer');
  });
});

describe('plain clients beside Socket.IO clients', () => {
  it('[PW5] are counted as connections until they end', async () => {
    const under = await startReplica();
    const plain = under.stream('/stream/A');
    await Promise.all([plain.seen('hello'), under.join()]);
    const counted = async (): Promise<unknown> => (await fetch(`${under.url}/health`)).json();
    expect(await counted()).toMatchObject({ connections: 2 });
    plain.close();
    await until(async () => ((await counted()) as { connections: number }).connections === 1);
  });
});

describe('plain clients that sign in', () => {
  const signed = shareReplica(signIn);
  const tokenFor = (seconds: number): string =>
    secretToken({ sub: 'ann', exp: Math.ceil(Date.now() / 1_000) + seconds, symbols: ['A'] });

  it.each([
    ['the header', (token: string) => ({ headers: { Authorization: `Bearer ${token}` } })],
    ['the subprotocols', (token: string) => ({ protocols: ['bearer', token] })],
  ])('[PW2][SI2] with a token in %s get the symbols that it permits', async (_, shown) => {
    const client = signed.stream('/stream?symbols=A,B', shown(tokenFor(60)));
    await client.seen('subscribed');
    expect(client.of('hello')[0]).toMatchObject({ user: 'ann' });
    expect(client.of('subscribed')[0]).toMatchObject({
      symbols: ['A'],
      results: { A: { ok: true }, B: { ok: false, name: 'symbol_not_permitted' } },
    });
  });

  it('[PW1][PW2][SI2] are rejected without a token, with a bad one, and with one in the URL', async () => {
    const [good, bad] = [tokenFor(60), `${tokenFor(60)}x`];
    const none = await refusedUpgrade(signed.url, '/stream/A');
    expect(none).toMatchObject({ status: 401, problem: { name: 'token_required' } });
    for (const [path, protocols] of [
      ['/stream/A', ['bearer', bad]],
      [`/stream/A?token=${good}`, ['bearer', good]],
    ] as const) {
      const answer = await refusedUpgrade(signed.url, path, { protocols: [...protocols] });
      expect(answer).toMatchObject({ status: 401, problem: { name: 'token_invalid' } });
      expect(JSON.stringify(answer)).not.toContain(good.slice(-40));
    }
  });

  it('[PW7][SI4] are refused and closed with 1013 when the token ends, so that they come back', async () => {
    const under = await startReplica(signIn, { speed: 4 });
    const client = under.stream('/stream/A', { protocols: ['bearer', tokenFor(60)] });
    await client.seen('hello');
    under.passTime(62_000);
    await client.seen('refused');
    expect(client.of('refused')[0]).toMatchObject({ name: 'token_expired', retry: 'later' });
    expect(await client.closed()).toEqual({ code: 1013, reason: 'token_expired' });
    await until(async () => (await under.metric('socket_connections_active')) === 0);
  });
});

describe('rates and recovery of plain clients', () => {
  it('[PW2][RT1] everyMs sets the rate of every symbol', async () => {
    const under = await withPrices();
    const client = under.stream('/stream/A?everyMs=250');
    await client.seen('quote');
    client.send('B');
    await client.seen('quote', 2);
    await under.push(
      ['11', '12.50', '9'].flatMap((price) => ['A', 'B'].map((symbol) => ({ symbol, price, size: '1' }))),
    );
    await client.seen('tick', 2);
    for (const tick of client.ticks())
      expect(tick).toMatchObject({ seq: 4, price: '9', merged: 2, high: '12.50', low: '9', size: '3' });
    expect(client.of('subscribed')[1]).toMatchObject({ results: { B: { everyMs: 250 } } });
    expect(client.faults()).toEqual([]);
  });

  it('[PW2][RC1][RC2] since asks for missed ticks, or else the quote is sent', async () => {
    const under = await withPrices();
    const first = under.stream('/stream/A');
    await first.seen('quote');
    const { gen } = first.of<Quote>('quote')[0] ?? { gen: '' };
    first.close();
    await under.push(['5', '6', '7'].map((price) => ({ symbol: 'A', price })));
    const back = under.stream(`/stream?symbols=A,B&since=a:${gen}:1`);
    await back.seen('tick', 3);
    expect(back.of('subscribed')[0]).toMatchObject({
      results: { A: { recovered: true, replayed: 3, seq: 4 }, B: { recovered: false } },
    });
    expect(back.ticks().map(({ seq, price }) => [seq, price])).toEqual([
      [2, '5'],
      [3, '6'],
      [4, '7'],
    ]);
    expect(back.of<Quote>('quote').map(({ symbol }) => symbol)).toEqual(['B']);
    const lost = under.stream('/stream/A?since=A:other1:3');
    await lost.seen('quote');
    expect(lost.of('subscribed')[0]).toMatchObject({ results: { A: { recovered: false } } });
    const merged = under.stream(`/stream/A?everyMs=1000&since=A:${gen}:1`);
    await merged.seen('tick');
    expect(merged.ticks()).toMatchObject([{ seq: 4, merged: 2, day: { high: '7' } }]);
  });
});

describe('messages to plain clients', () => {
  it('[PW8] reach their recipients, and are counted', async () => {
    const under = await startReplica();
    const [ann, bob] = [under.stream('/stream/A?user=ann'), under.stream('/stream/B?user=bob')];
    await Promise.all([ann.seen('subscribed'), bob.seen('subscribed')]);
    const send = async (to: object): Promise<unknown> =>
      (await under.api('POST', 'message', { ...to, event: 'news', data: to })).json();
    expect(await send({ userId: 'ann' })).toMatchObject({ delivered: 1 });
    expect(await send({ symbol: 'B' })).toMatchObject({ delivered: 1 });
    expect(await send({ all: true })).toMatchObject({ delivered: 2 });
    await Promise.all([ann.seen('message', 2), bob.seen('message', 2)]);
    expect(ann.of('message')[0]).toEqual({ type: 'message', event: 'news', data: { userId: 'ann' } });
    expect(bob.of('message')[0]).toEqual({ type: 'message', event: 'news', data: { symbol: 'B' } });
  });
});
