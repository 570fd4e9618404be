/** Seats of users at one replica: the limit, take-overs, and a store that is away. */
import { describe, expect, it, onTestFinished } from 'vitest';
import { codes, type Refusal } from '../../protocol/index.ts';
import { askRaw } from '../nginx/ask.ts';
import { until } from '../support/until.ts';
import { startReplica, type ReplicaUnderTest } from './replica-under-test.ts';

const ann = { auth: { userId: 'ann' }, transports: ['websocket'] };
/** Only the pause differs from a stock client. */
const eager = { reconnectionDelay: 50, reconnectionDelayMax: 100 };

/** Seats are given 190 ms after the start instead of 750 ms, and refused clients are held for 500 ms. */
const start = (env: Record<string, string> = {}, speed = 4): Promise<ReplicaUnderTest> =>
  startReplica(env, { speed, random: () => 0 });

function refusals(client: { of: <T>(event: string) => T[] }): string[] {
  return client.of<Refusal>('refused').map(({ name }) => name);
}

describe('seats', () => {
  it('[ST1][CL1] the newest connection beyond the limit is refused, gets no other event, and comes back when a seat is free', async () => {
    const env = { MAX_CONNECTIONS_PER_USER: '2' };
    const { connect, replica, metric } = await start(env);
    const [one, two] = [connect(ann), connect(ann)];
    await Promise.all([one.seen('hello'), two.seen('hello')]);
    const three = connect({ ...ann, ...eager });
    // A stock client comes back once its transport was closed, and again until there is a seat.
    await three.seen('refused', 2);
    const full = { code: codes.too_many_connections.code, retry: 'later' };
    expect(three.of('refused').slice(0, 2)).toMatchObject([full, full]);
    expect(new Set(three.events.map(({ event }) => event))).toEqual(new Set(['refused']));
    await connect({ ...ann, auth: { userId: 'bob' } }).seen('hello');
    one.close();
    await three.seen('hello', 1, 15_000);
    expect(two.socket.connected).toBe(true);
    expect(await metric('tickwire_seats_refused_total', 'reason="full"')).toBe(three.of('refused').length);
    expect(replica.io.sockets.sockets.size).toBe(3);
  });

  it('[ST1] there is no limit with 0, nor for connections without a user', async () => {
    const unlimited = await start({ MAX_CONNECTIONS_PER_USER: '0' });
    const limited = await start({ MAX_CONNECTIONS_PER_USER: '1' });
    const clients = Array.from({ length: 5 }, () => [
      unlimited.connect(ann),
      limited.connect({ transports: ['websocket'] }),
    ]).flat();
    await Promise.all(clients.map((client) => client.seen('hello')));
    expect(clients.flatMap(refusals)).toEqual([]);
  });

  it('[ST1] connections without a user do not wait for a store that hangs', async () => {
    // A client of a user waits as long as it may.
    const { backplane, connect, stream } = await start({}, 0.5);
    backplane.userSeats.take = () => new Promise(() => {});
    const named = connect(ann);
    await until(() => !named.socket.connected && named.socket.io.engine.id !== undefined);
    const nameless = connect({ transports: ['websocket'] });
    await nameless.seen('hello');
    await stream('/stream/A').seen('hello');
    expect(named.events).toEqual([]);
  });

  it('[ST1][C3] calls that arrive before the seat are answered in order, after hello and feed', async () => {
    const { connect } = await start();
    const client = connect(ann);
    const answers = await Promise.all([
      client.subscribe(['A']),
      client.subscribe(['B']),
      client.call('unsubscribe', ['A']),
    ]);
    expect(answers).toMatchObject([{ symbols: ['A'] }, { symbols: ['A', 'B'] }, { symbols: ['B'] }]);
    expect(client.events.map(({ event }) => event).slice(0, 2)).toEqual(['hello', 'feed']);
  });

  it('[ST2] a malformed cid matches no other', async () => {
    const { connect } = await start({ MAX_CONNECTIONS_PER_USER: '2' });
    for (const cid of ['a b', '']) {
      const client = connect({ ...ann, query: { cid } });
      await client.seen('hello');
    }
    const third = connect({ ...ann, query: { cid: 'a b' } });
    await third.seen('refused');
    expect(refusals(third)).toEqual(['too_many_connections']);
  });

  it('[ST6] without the store a user is let in as far as the replica can count, and sent away when the store is back', async () => {
    const { backplane, connect, metric } = await start({ MAX_CONNECTIONS_PER_USER: '2' });
    const { allSeats, setLink } = backplane;
    const join = () => connect({ ...ann, reconnection: false });
    const one = join();
    await one.seen('hello');
    const gen = allSeats.enter('other');
    allSeats.take('other', gen, [{ user: 'ann', cid: 'x', id: 'x' }], 2);
    const beat = setInterval(() => allSeats.beat('other', gen, []), 25);
    onTestFinished(() => clearInterval(beat));
    setLink(false);
    const two = join();
    await two.seen('hello');
    const three = join();
    await three.seen('refused');
    expect(refusals(two)).toEqual([]);
    setLink(true);
    await two.seen('refused');
    expect([one, two, three].map(refusals)).toEqual([[], ['too_many_connections'], ['too_many_connections']]);
    expect(await metric('tickwire_seats_uncounted_total')).toBe(1);
    expect(await metric('tickwire_seats_refused_total', 'reason="dispossessed"')).toBe(1);
  });

  it('[ST3] a seat is free as soon as its connection ends, in every way', async () => {
    const { connect } = await start({ MAX_CONNECTIONS_PER_USER: '1' });
    for (const end of ['disconnect', 'close', 'vanish']) {
      const client = connect({ ...ann, reconnection: false });
      await client.seen('hello');
      if (end === 'disconnect') client.socket.disconnect();
      else if (end === 'close') client.socket.io.engine.close();
      else client.socket.io.engine.transport.close();
    }
    const last = connect(ann);
    await last.seen('hello');
    expect(refusals(last)).toEqual([]);
  });

  it('[ST3] leaving and joining again on one connection leaks no listener', async () => {
    const { replica, raw } = await start({ MAX_CONNECTIONS_PER_USER: '1' });
    const client = await raw();
    const { sockets } = replica.io.sockets;
    const listeners: number[] = [];
    for (let times = 1; times <= 5; times++) {
      client.send('40{"userId":"ann"}');
      await until(() => client.texts.filter((text) => text.startsWith('42["hello"')).length === times);
      for (const { conn } of sockets.values()) listeners.push(conn.listenerCount('close'));
      client.send('41');
      await until(() => sockets.size === 0);
    }
    expect(listeners).toEqual(Array(5).fill(listeners[0]));
  });
});

type OpenStream = ReplicaUnderTest['stream'];

/** Resolves when a new plain WebSocket of ann has a seat; one that is refused is tried again. */
async function comesIn(stream: OpenStream): Promise<void> {
  await until(async () => {
    const next = stream('/stream/A?user=ann');
    const first = await until(() => next.messages[0]);
    return first.type === 'hello';
  });
}

describe('seats of plain WebSockets', () => {
  it('[ST1][PW7] the fourth is refused and closed with 1008, and another is accepted when a seat is free', async () => {
    const { connect, stream } = await start();
    const plain = [stream('/stream/A?user=ann'), stream('/stream/A?user=ann')];
    await Promise.all([...plain.map((one) => one.seen('hello')), connect(ann).seen('hello')]);
    const fourth = stream('/stream/A?user=ann');
    expect(await fourth.closed()).toEqual({ code: 1008, reason: 'too_many_connections' });
    expect(fourth.messages).toEqual([
      expect.objectContaining({ type: 'refused', code: codes.too_many_connections.code, retry: 'later' }),
    ]);
    // One with another name, and those without one, are not in their way.
    await Promise.all(
      ['/stream/A?user=bob', '/stream/A', '/stream/A'].map((path) => stream(path).seen('hello')),
    );
    plain[0]?.close();
    await comesIn(stream);
    expect(plain[1]?.of('refused')).toEqual([]);
  });

  it('[ST2] the same cid takes over its seat, also from a Socket.IO client', async () => {
    const { connect, stream } = await start({ MAX_CONNECTIONS_PER_USER: '1' });
    const first = connect({ ...ann, query: { cid: 'tab' } });
    await first.seen('hello');
    const second = stream('/stream/A?user=ann&cid=tab');
    await second.seen('hello');
    await first.seen('refused');
    expect(refusals(first)).toEqual(['seat_taken_over']);
    const third = stream('/stream/A?user=ann&cid=tab');
    await third.seen('hello');
    expect(await second.closed()).toEqual({ code: 1008, reason: 'seat_taken_over' });
    expect(await stream('/stream/A?user=ann&cid=other').closed()).toMatchObject({ code: 1008 });
    expect(third.of('refused')).toEqual([]);
  });

  it('[ST1] a failed upgrade keeps no seat', async () => {
    const { stream, port } = await start({ MAX_CONNECTIONS_PER_USER: '1' });
    const answer = await askRaw(
      port,
      'GET /stream/A?user=ann HTTP/1.1\r\nHost: any\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
    );
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    await comesIn(stream);
  });
});
