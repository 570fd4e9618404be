/** Bad users, events, packets and frames, on Socket.IO and on plain WebSockets: each gets one answer through Nginx, and nobody else notices. */
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { codes, type CodeName, type Refusal } from '../../protocol/index.ts';
import { createPlainClient, refusedUpgrade, type PlainClient } from '../support/clients/plain-client.ts';
import { createRecorder, type Recorder } from '../support/clients/recorder.ts';
import { joinRaw, openRawWebSocket, type RawWebSocket } from '../support/clients/raw-web-socket.ts';
import { until } from '../support/until.ts';
import { eventRows } from './catalogue/event-rows.ts';
import { oddStreamRows, streamAddressRows, streamMessageRows } from './catalogue/stream-rows.ts';
import { badUserIds } from './catalogue/user-ids.ts';
import { earlyRows, frameRows, packetRows, unknownRows } from './catalogue/wire-rows.ts';
import { startWatchedCluster, type WatchedCluster } from './watched-cluster.ts';

let cluster: WatchedCluster;

beforeAll(async () => {
  cluster = await startWatchedCluster();
});
afterAll(() => cluster.stop());

/** A stock client that connects once, and the refusals of its handshake. */
function come(auth: object = {}, query: Record<string, string> = {}): Recorder & { denied: Refusal[] } {
  const denied: Refusal[] = [];
  const client = createRecorder(cluster.url, {
    transports: ['websocket'],
    reconnection: false,
    auth: { ...auth },
    query,
  });
  client.socket.on('connect_error', (error) => void denied.push((error as Error & { data: Refusal }).data));
  onTestFinished(() => client.close());
  return { ...client, denied };
}

async function kept(opening: Promise<RawWebSocket>): Promise<RawWebSocket> {
  const socket = await opening;
  onTestFinished(() => socket.close());
  return socket;
}

function stream(path: string): PlainClient {
  const client = createPlainClient(cluster.url, path);
  onTestFinished(() => client.close());
  return client;
}

/** What the address is answered: the refusal, or the status of Nginx. */
function answerOf(expected: CodeName | number): object {
  if (typeof expected === 'number') return { status: expected };
  const { status, code, retry } = codes[expected];
  return { status, problem: { status, code, name: expected, retry } };
}

/** What a message is answered: the refusal of all of it, or of one symbol. */
function answerTo(expected: CodeName | readonly [symbol: string, refusal: CodeName]): object {
  if (typeof expected === 'string') {
    const { code, retry } = codes[expected];
    return { type: 'error', code, name: expected, retry, symbols: ['AAPL'] };
  }
  const [symbol, name] = expected;
  const results = { [symbol]: { ok: false, code: codes[name].code, name } };
  return { type: 'subscribed', symbols: ['AAPL'], results };
}

describe('seats', () => {
  for (const [name, userId] of badUserIds)
    it(`[SI1] a user id ${name}`, async () => {
      const { code, retry } = codes.bad_user_id;
      const client = come({ userId });
      await until(() => client.denied.length > 0);
      expect(client.denied).toMatchObject([{ code, name: 'bad_user_id', retry }]);
      expect(client.events).toEqual([]);
      await cluster.unharmed();
    });

  it('[ST2] one cid that twenty connections of a user bring is one seat', async () => {
    const clients = Array.from({ length: 20 }, () => come({ userId: 'twins' }, { cid: 'the-same' }));
    // The handshake's error tells those that had not joined yet.
    const losses = (): Refusal[] =>
      clients.flatMap((client) => [...client.denied, ...client.of<Refusal>('refused')]);
    const connected = () => clients.filter(({ socket }) => socket.connected).length;
    await until(() => losses().length === clients.length - 1 && connected() === 1, {
      withinMs: 10_000,
      saw: () => [connected(), losses()],
    });
    for (const loss of losses()) expect(loss).toMatchObject({ name: 'seat_taken_over', retry: 'never' });
    await cluster.unharmed();
  });

  it('[ST2] a cid of another user takes nothing over', async () => {
    const clients = ['owner', 'thief'].map((userId) => come({ userId }, { cid: 'wanted' }));
    await Promise.all(clients.map((client) => client.seen('hello')));
    await cluster.unharmed();
    expect(clients.map(({ socket }) => socket.connected)).toEqual([true, true]);
    expect(clients.flatMap((client) => client.of('refused'))).toEqual([]);
  });

  it('[ST1][ST3] three hundred users at once are let in twice, and one who comes and goes sixty times', async () => {
    const users = Array.from({ length: 300 }, (_, n) => `user-${n}`);
    for (const round of [users, users, ...Array.from({ length: 60 }, () => ['restless'])]) {
      const clients = round.map((userId) => come({ userId }));
      await Promise.all(clients.map((client) => client.seen('hello', 1, 10_000)));
      expect(clients.flatMap((client) => client.of('refused'))).toEqual([]);
      for (const client of clients) client.close();
    }
    await cluster.unharmed();
  });
});

describe('events', () => {
  for (const [name, event, payload, refused = 'bad_payload'] of eventRows)
    it(`event: ${event}, ${name}`, async () => {
      const client = come({ userId: 'ann' });
      expect(await client.subscribe(['AAPL'])).toMatchObject({ ok: true });
      const { code, retry } = codes[refused];
      expect(await client.call(event, ...payload)).toMatchObject({
        ok: false,
        code,
        name: refused,
        retry,
        symbols: ['AAPL'],
      });
      const seen = client.ticks('AAPL').length;
      await client.seen('tick', seen + 1);
      expect(client.faults()).toEqual([]);
      expect([...client.of('message'), ...client.of('cluster')]).toEqual([]);
      await cluster.unharmed();
    });

  it('event: a message of no user', async () => {
    const message = { recipient: 'ann', content: 'dummy-content' };
    expect(await come().call('send_message', message)).toMatchObject({ ok: false, name: 'user_required' });
    await cluster.unharmed();
  });

  it.each(['nobody', '__proto__', 'constructor', '...'])(
    'event: a message to %s, who is not there',
    async (recipient) => {
      const message = { recipient, content: 'dummy-content' };
      expect(await come({ userId: 'ann' }).call('send_message', message)).toEqual({ ok: true, delivered: 0 });
      await cluster.unharmed();
    },
  );
});

describe('wire', () => {
  const ends: readonly (readonly [string, string | string[] | Buffer, number])[] = [
    ...frameRows,
    ...packetRows.map(([name, sent]) => [name, sent, 1_005] as const),
  ];
  for (const [name, sent, status] of ends)
    it(`wire: ${name}`, async () => {
      const socket = await kept(joinRaw(cluster.port));
      if (Buffer.isBuffer(sent)) socket.tcp.write(sent);
      else socket.send(...[sent].flat());
      expect(await socket.ended()).toBe(status);
      await cluster.unharmed();
    });

  for (const [name, sent] of earlyRows)
    it(`wire: ${name} before CONNECT`, async () => {
      const socket = await kept(openRawWebSocket(cluster.port));
      socket.send(sent);
      expect(await socket.ended()).toBe(1_005);
      await cluster.unharmed();
    });

  for (const [name, sent, answer] of unknownRows)
    it(`wire: ${name}`, async () => {
      const socket = await kept(joinRaw(cluster.port));
      socket.send(sent);
      expect(await socket.said(answer)).toContain('"name":"unknown_event"');
      expect(socket.closeCode()).toBeNull();
      await cluster.unharmed();
    });
});

describe('stream', () => {
  for (const [name, path, expected] of streamAddressRows)
    it(`[PW1][PW2] address: ${name}`, async () => {
      const answer = await refusedUpgrade(cluster.url, path);
      expect(answer).toMatchObject(answerOf(expected));
      expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
      expect(answer.headers).not.toHaveProperty('x-injected');
      expect(JSON.stringify(answer)).not.toContain('dummy');
      await cluster.unharmed();
    });

  it('[PW1][CN1] a page of another origin', async () => {
    const answer = await refusedUpgrade(cluster.url, '/stream/AAPL', { origin: 'https://evil.example' });
    expect(answer).toMatchObject({ status: 403, problem: { name: 'origin_not_allowed' } });
    await cluster.unharmed();
  });

  for (const [name, path, symbols] of oddStreamRows)
    it(`[PW2] odd: ${name}`, async () => {
      const client = stream(path);
      await client.seen('tick');
      expect(client.of('subscribed')).toMatchObject([{ symbols }]);
      expect(client.faults()).toEqual([]);
      await cluster.unharmed();
    });

  for (const [name, message, expected] of streamMessageRows)
    it(`[PW4] message: ${name}`, async () => {
      const client = stream('/stream/AAPL');
      await client.seen('subscribed');
      client.socket.send(message);
      const told = answerTo(expected);
      await until(() => client.of('error').length + client.of('subscribed').length === 2);
      expect([...client.of('error'), ...client.of('subscribed').slice(1)]).toMatchObject([told]);
      await client.seen('tick', client.ticks().length + 1);
      expect(client.faults()).toEqual([]);
      await cluster.unharmed();
    });

  for (const [name, bytes, status] of frameRows)
    it(`[PW5][CN3] frame: ${name}`, async () => {
      const socket = await kept(openRawWebSocket(cluster.port, { path: '/stream', query: '' }));
      socket.tcp.write(bytes);
      expect(await socket.ended()).toBe(status);
      await cluster.unharmed();
    });

  it('no secret is in any log, and nothing crashed', async () => {
    expect(await cluster.endAndFindLeaks()).toEqual([]);
  });
});
