/** Messages and quotes to the users of one replica, on real sockets. */
import { describe, expect, it } from 'vitest';
import { limits, refusal, type Hello, type MessageAck, type UserMessage } from '../../protocol/index.ts';
import type { PlainMessage } from '../support/clients/plain-client.ts';
import type { Recorder } from '../support/clients/recorder.ts';
import { claimsOf, secretToken } from '../support/stand-ins/tokens.ts';
import { until } from '../support/until.ts';
import { signIn, startReplica, type ReplicaUnderTest } from './replica-under-test.ts';

/** Seats are given 190 ms after the start instead of 750 ms, and refused clients are held for 500 ms. */
const start = (env: Record<string, string> = {}): Promise<ReplicaUnderTest> =>
  startReplica(env, { speed: 4, random: () => 0 });

/** Sends and gives the answer's body. */
async function message({ api }: ReplicaUnderTest, body: object): Promise<unknown> {
  return (await api('POST', 'message', body)).json();
}

/** A client of that user that has been greeted. */
const join = (replica: ReplicaUnderTest, user?: string): Promise<Recorder> =>
  replica.join(user === undefined ? {} : { auth: { userId: user } });

/** A client of each of those users, or of none. */
const joinAll = <Users extends readonly (string | null)[]>(replica: ReplicaUnderTest, users: [...Users]) =>
  Promise.all(users.map((user) => join(replica, user ?? undefined))) as Promise<{
    [Index in keyof Users]: Recorder;
  }>;

const send = (from: Recorder, recipient: string, content: string): Promise<MessageAck> =>
  from.call('send_message', { recipient, content });

describe('send_message', () => {
  it('[US1][MS1] reaches every session of the recipient and no other, and answers how many', async () => {
    const replica = await start();
    const [ann, ben, benToo, cleo] = await joinAll(replica, ['ann', 'ben', 'ben', 'cleo']);
    const before = Date.now();
    expect(await send(ann, 'ben', '<b>hi</b>')).toEqual({ ok: true, delivered: 2 });
    for (const client of [ben, benToo]) {
      await client.seen('message');
      const [got] = client.of<UserMessage>('message');
      expect(got).toEqual({ from: 'ann', content: '<b>hi</b>', at: expect.any(Number) });
      expect(got?.at).toBeGreaterThanOrEqual(before);
      expect(got?.at).toBeLessThanOrEqual(Date.now());
    }
    expect(await send(ann, 'cleo', 'you?')).toEqual({ ok: true, delivered: 1 });
    expect(await send(ann, 'ann', 'myself')).toEqual({ ok: true, delivered: 1 });
    expect(await send(ann, 'nobody', 'there?')).toEqual({ ok: true, delivered: 0 });
    await cleo.seen('message');
    expect(cleo.of('message')).toMatchObject([{ content: 'you?' }]);
    expect(ann.of('message')).toMatchObject([{ content: 'myself' }]);
    expect(ben.of('message')).toHaveLength(1);
  });

  it('[MS2] delivers the messages of one session in the order of its calls', async () => {
    const replica = await start();
    const [ann, ben] = await joinAll(replica, ['ann', 'ben']);
    const texts = Array.from({ length: 200 }, (_, n) => `text ${n}`);
    const answers = await Promise.all(texts.map((text) => send(ann, 'ben', text)));
    expect(answers.every((answer) => answer.ok && answer.delivered === 1)).toBe(true);
    await ben.seen('message', texts.length);
    expect(ben.of<UserMessage>('message').map(({ content }) => content)).toEqual(texts);
  });

  it('[MS1] accepts a text of limited length, only from a user', async () => {
    const replica = await start();
    const [ann, nobody] = await joinAll(replica, ['ann', null]);
    await ann.subscribe(['A']);
    const longest = '€'.repeat(limits.maxContentLength);
    expect(await send(ann, 'ann', longest)).toMatchObject({ ok: true, delivered: 1 });
    expect(await send(ann, 'ann', `${longest}€`)).toEqual({
      ok: false,
      symbols: ['A'],
      ...refusal('payload_too_large', `content has at most ${limits.maxContentLength} characters`),
    });
    expect(await send(nobody, 'ann', 'hi')).toMatchObject({ ok: false, code: 4320, name: 'user_required' });
    expect(await ann.call('send_message', 'ann')).toMatchObject({ ok: false, name: 'bad_payload' });
    // One without an answer is taken too.
    ann.socket.emit('send_message', { recipient: 'ann', content: 'last' });
    await ann.seen('message', 2);
    expect(ann.of<UserMessage>('message').map(({ content }) => content)).toEqual([longest, 'last']);
  });
});

it('[MS5] messages are refused while the replica cannot reach the others', async () => {
  const replica = await start();
  const ann = await join(replica, 'ann');
  replica.backplane.setLink(false);
  const unreachable = { name: 'replicas_unreachable', retry: 'later' };
  expect(await send(ann, 'ann', 'lost')).toMatchObject({ ok: false, ...unreachable });
  const refused = await replica.api('POST', 'message', { all: true, data: 'lost' });
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '1']);
  expect(await refused.json()).toMatchObject(unreachable);
  replica.backplane.setLink(true);
  expect(await send(ann, 'ann', 'found')).toEqual({ ok: true, delivered: 1 });
  await ann.seen('message');
  expect(ann.of('message')).toMatchObject([{ content: 'found' }]);
});

describe('POST /api/message', () => {
  it('[MS3] sends any event name and any data to a user, unchanged', async () => {
    const replica = await start();
    const [ann, ben] = await joinAll(replica, ['ann', 'ben']);
    const all = [null, 0, '', 'text', [1, [2]], { a: { b: '<script>' }, _placeholder: true, num: 0 }];
    for (const data of all)
      expect(await message(replica, { userId: 'ann', event: 'news', data })).toEqual({ delivered: 1 });
    await ann.seen('news', all.length);
    expect(ann.of('news')).toEqual(all);
    expect(await message(replica, { userId: 'nobody', data: 1 })).toEqual({ delivered: 0 });
    expect(await message(replica, { userId: 'ben', data: { from: 'a backend' } })).toEqual({
      delivered: 1,
    });
    await ben.seen('message');
    expect(ben.of('message')).toEqual([{ from: 'a backend' }]);
    expect(ben.of('news')).toEqual([]);
  });

  it('[MS3] reaches every client of a symbol, at any rate, also one that waits for its period', async () => {
    const replica = await start();
    const [each, slow, waiting, other, twice] = await joinAll(replica, [null, null, null, null, null]);
    expect(await replica.push([{ symbol: 'A', price: '1' }])).toBe(200);
    await each.subscribe(['A', 'B']);
    await slow.subscribe({ symbols: ['A'], everyMs: 5_000 });
    await other.subscribe(['B']);
    await twice.subscribe(['A']);
    await twice.subscribe({ symbols: ['A'], everyMs: 250 });
    // A period has a tick that this one was told already: it joins when the period is over.
    expect(await replica.push([{ symbol: 'A', price: '2' }])).toBe(200);
    await each.seen('tick');
    await waiting.subscribe({ symbols: ['A'], everyMs: 5_000 });
    const rooms = [...replica.replica.io.sockets.sockets.values()].map((socket) => [...socket.rooms]);
    expect(rooms.flat().filter((room) => room === 'tick:A@5000')).toHaveLength(1);

    expect(await message(replica, { symbol: 'a', event: 'halted', data: 'A' })).toEqual({ delivered: 4 });
    for (const client of [each, slow, waiting, twice]) await client.seen('halted');
    await each.call('unsubscribe', ['A']);
    expect(await message(replica, { symbol: 'A', event: 'halted', data: 'again' })).toEqual({
      delivered: 3,
    });
    expect(await message(replica, { symbol: 'C', event: 'halted', data: 'C' })).toEqual({ delivered: 0 });
    expect(await message(replica, { all: true, event: 'fence' })).toEqual({ delivered: 5 });
    for (const client of [each, slow, waiting, other, twice]) await client.seen('fence');
    expect([each, slow, waiting, other, twice].map((client) => client.of('halted'))).toEqual([
      ['A'],
      ['A', 'again'],
      ['A', 'again'],
      [],
      ['A', 'again'],
    ]);
    for (const client of [each, slow, waiting, other, twice]) expect(client.faults()).toEqual([]);
  });

  it('[MS3][CL3] reaches every session, but no client that was accepted only to be refused', async () => {
    const replica = await start();
    replica.replica.io.use((socket, next) => {
      if (socket.handshake.auth['refuse'] === true) socket.data.refused = refusal('internal');
      next();
    });
    const [ann, nobody] = await joinAll(replica, ['ann', null]);
    const refused = replica.connect({ transports: ['websocket'], auth: { refuse: true, userId: 'ann' } });
    await refused.seen('refused');
    expect(await message(replica, { all: true, data: 'hi' })).toEqual({ delivered: 2 });
    expect(await message(replica, { userId: 'ann', data: 'hi' })).toEqual({ delivered: 1 });
    await Promise.all([ann.seen('message', 2), nobody.seen('message')]);
    await until(() => !refused.socket.connected);
    expect(refused.of('message')).toEqual([]);
  });

  it('[F4] sends messages to the clients of a symbol once and in order, while its ticks go on', async () => {
    const replica = await start();
    const client = await join(replica);
    client.follow(['BTC-USD']);
    await client.seen('tick', 3);
    const notes = Array.from({ length: 50 }, (_, n) => n);
    for (const data of notes) await message(replica, { symbol: 'BTC-USD', event: 'note', data });
    await client.seen('note', notes.length);
    await client.seen('tick', client.ticks().length + 3);
    expect(client.of('note')).toEqual(notes);
    expect(client.faults()).toEqual([]);
  });

  it('[MS1][MS3] messages and deliveries are counted', async () => {
    const replica = await start();
    const [ann, annToo] = await joinAll(replica, ['ann', 'ann']);
    await send(ann, 'ann', 'hi');
    await message(replica, { userId: 'ann', data: 1 });
    await annToo.seen('message', 2);
    expect(await replica.metric('tickwire_messages_total', 'kind="user"')).toBe(1);
    expect(await replica.metric('tickwire_messages_total', 'kind="api"')).toBe(1);
    expect(await replica.metric('tickwire_message_deliveries_total')).toBe(4);
    expect(await replica.metric('tickwire_incomplete_messages_total')).toBe(0);
  });
});

describe('POST /api/quote', () => {
  const helloOf = (client: Recorder): Hello => {
    const hello = client.hellos()[0];
    if (hello === undefined) throw new Error('not greeted');
    return hello;
  };
  const proofOf = ({ session, secret }: Hello) => ({ Authorization: `Session ${session}:${secret}` });

  it('[QT1] accepts the secret of a session of either kind until it ends', async () => {
    const replica = await start();
    await replica.push([{ symbol: 'A', price: '1' }]);
    const [ann, plain] = [await join(replica, 'ann'), replica.stream('/stream?user=ann')];
    await plain.seen('hello');
    const shown = [helloOf(ann), ...plain.of<PlainMessage & Hello>('hello')];
    const statuses = () =>
      Promise.all(
        shown.map(async (hello) => {
          const body = { userId: 'ann', symbol: 'A' };
          return (await replica.api('POST', 'quote', body, proofOf(hello))).status;
        }),
      );
    expect(await statuses()).toEqual([200, 200]);
    // The id that other clients may know is not the session.
    const publicId = proofOf({ ...helloOf(ann), session: ann.socket.id ?? '' });
    const refused = await replica.api('POST', 'quote', { userId: 'ann', symbol: 'A' }, publicId);
    expect([refused.status, await refused.json()]).toMatchObject([401, { name: 'bad_session' }]);
    ann.close();
    await until(async () => (await statuses()).join() === '401,200');
    plain.close();
    await until(async () => (await statuses()).join() === '401,401');
  });

  it('[QT2] disturbs no ticks', async () => {
    const replica = await start();
    const ann = await join(replica, 'ann');
    await ann.subscribe({ symbols: ['BTC-USD'], everyMs: 250 });
    for (let n = 1; n <= 20; n++) {
      expect((await replica.api('POST', 'quote', { userId: 'ann', symbol: 'BTC-USD' })).status).toBe(200);
      await ann.seen('quote', n);
      await ann.seen('tick', Math.ceil(n / 4));
    }
    expect(ann.of('snapshot')).toHaveLength(1);
    expect(ann.faults()).toEqual([]);
  });

  it('[QT1] accepts the token of the user, for symbols that it permits', async () => {
    const replica = await start(signIn);
    for (const symbol of ['A', 'B']) await replica.push([{ symbol, price: '1' }]);
    const token = secretToken(claimsOf('ann', { symbols: ['A'] }));
    const ann = replica.connect({ transports: ['websocket'], auth: { token } });
    const ben = replica.connect({ transports: ['websocket'], auth: { token: secretToken(claimsOf('ben')) } });
    await Promise.all([ann.seen('feed'), ben.seen('feed')]);
    const ask = async (authorization: string, body: object, query = ''): Promise<unknown[]> => {
      const answer = await replica.api('POST', `quote${query}`, body, { Authorization: authorization });
      return [answer.status, await answer.json()];
    };
    const own = { userId: 'ann', symbol: 'A' };
    const bearer = `Bearer ${token}`;
    expect(await ask(bearer, own)).toEqual([200, { delivered: 1 }]);
    expect(await ask(proofOf(helloOf(ann)).Authorization, own)).toEqual([200, { delivered: 1 }]);
    await ann.seen('quote', 2);
    for (const shown of [bearer, proofOf(helloOf(ann)).Authorization]) {
      expect(await ask(shown, { userId: 'ben', symbol: 'A' })).toMatchObject([403, { name: 'other_user' }]);
      expect(await ask(shown, { userId: 'ann', symbol: 'B' })).toMatchObject([
        403,
        { name: 'symbol_not_permitted' },
      ]);
    }
    expect(await ask('', own)).toMatchObject([401, { name: 'token_required' }]);
    expect(await ask(`${bearer}x`, own)).toMatchObject([401, { name: 'token_invalid' }]);
    expect(await ask(bearer, own, `?token=${token}`)).toMatchObject([401, { name: 'token_invalid' }]);
    expect(ben.of('quote')).toEqual([]);
  });

  it('[MS5][SI4] a session whose token has ended is not counted, and gets nothing more', async () => {
    const replica = await start(signIn);
    await replica.push([{ symbol: 'A', price: '1' }]);
    const token = secretToken(claimsOf('ann', { endsInS: 60 }));
    const ann = replica.connect({ transports: ['websocket'], reconnection: false, auth: { token } });
    await ann.seen('feed');
    const hello = helloOf(ann);
    expect(await message(replica, { userId: 'ann', data: 1 })).toEqual({ delivered: 1 });
    replica.passTime(61_000);
    await ann.seen('refused');
    expect(await message(replica, { userId: 'ann', data: 2 })).toEqual({ delivered: 0 });
    expect(await message(replica, { all: true, data: 2 })).toEqual({ delivered: 0 });
    const answer = await replica.api('POST', 'quote', { userId: 'ann', symbol: 'A' }, proofOf(hello));
    expect(await answer.json()).toMatchObject({ name: 'bad_session' });
    await until(() => !ann.socket.connected);
    expect(ann.of('message')).toEqual([1]);
  });
});
