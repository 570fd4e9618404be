import { describe, expect, it, onTestFinished } from 'vitest';
import { codes, type Refusal } from '../../protocol/index.ts';
import { askRaw } from '../nginx/ask.ts';
import { openRawWebSocket } from '../support/raw-web-socket.ts';
import { until } from '../support/until.ts';
import { startReplica } from './replica-under-test.ts';

const ann = { auth: { userId: 'ann' }, transports: ['websocket'] };

function refusals(client: { of: <T>(event: string) => T[] }): string[] {
  return client.of<Refusal>('refused').map(({ name }) => name);
}

describe('seats', () => {
  it('[ST1] the newest is refused, hears nothing else, and comes back by itself when a place is free', async () => {
    const { connect, replica, url } = await startReplica({ MAX_CONNECTIONS_PER_USER: '2' });
    const [one, two] = [connect(ann), connect(ann)];
    await Promise.all([one.seen('hello'), two.seen('hello')]);
    const three = connect(ann);
    await three.seen('refused');
    expect(three.of('refused')).toEqual([
      expect.objectContaining({ code: codes.too_many_connections.code, retry: 'later' }),
    ]);
    const bob = connect({ ...ann, auth: { userId: 'bob' } });
    await bob.seen('hello');
    // A stock client comes back once its transport was closed, and again until there is a place.
    await three.seen('refused', 2, 15_000);
    expect(three.events.map(({ event }) => event)).toEqual(['refused', 'refused']);
    one.close();
    await three.seen('hello', 1, 15_000);
    expect(two.socket.connected).toBe(true);
    const metrics = await (await fetch(`${url}/metrics`)).text();
    expect(metrics).toMatch(/tickwire_seats_refused_total\{reason="full",node="test"\} 2/);
    expect(replica.io.sockets.sockets.size).toBe(3);
  });

  it('[ST1] with 0, and for connections without a user, there is no limit', async () => {
    const unlimited = await startReplica({ MAX_CONNECTIONS_PER_USER: '0' });
    const named = Array.from({ length: 5 }, () => unlimited.connect(ann));
    await Promise.all(named.map((client) => client.seen('hello')));
    const limited = await startReplica({ MAX_CONNECTIONS_PER_USER: '1' });
    const nameless = Array.from({ length: 5 }, () => limited.connect({ transports: ['websocket'] }));
    await Promise.all(nameless.map((client) => client.seen('hello')));
    expect([...named, ...nameless].flatMap(refusals)).toEqual([]);
  });

  it('[ST1] connections without a user do not wait for a store that hangs', async () => {
    const { backplane, connect, stream } = await startReplica();
    backplane.userSeats.take = () => new Promise(() => {});
    const named = connect(ann);
    await until(() => !named.socket.connected && named.socket.io.engine.id !== undefined);
    const nameless = connect({ transports: ['websocket'] });
    await nameless.seen('hello');
    await stream('/stream/A').seen('hello');
    expect(named.events).toEqual([]);
  });

  it('[ST1] calls that come before the seat are answered in their order, after the greeting', async () => {
    const { connect } = await startReplica();
    const client = connect(ann);
    const answers = await Promise.all([
      client.subscribe(['A']),
      client.subscribe(['B']),
      client.call('unsubscribe', ['A']),
    ]);
    expect(answers).toMatchObject([{ symbols: ['A'] }, { symbols: ['A', 'B'] }, { symbols: ['B'] }]);
    expect(client.events.map(({ event }) => event).slice(0, 2)).toEqual(['hello', 'feed']);
  });

  it.each([['websocket'], ['polling']])(
    '[ST2] over %s the same cid takes its seat over, and the old socket stays away',
    async (transport) => {
      const { connect, replica } = await startReplica({ MAX_CONNECTIONS_PER_USER: '1' });
      const options = { ...ann, transports: [transport], query: { cid: 'tab-1' } };
      const old = connect(options);
      await old.seen('hello');
      const gone = new Promise<string>((resolve) => old.socket.once('disconnect', resolve));
      const fresh = connect(options);
      await fresh.seen('hello');
      expect(await gone).toBe('io server disconnect');
      expect(old.of('refused')).toEqual([
        expect.objectContaining({ code: codes.seat_taken_over.code, retry: 'never' }),
      ]);
      expect(old.socket.active).toBe(false);
      expect(fresh.socket.connected).toBe(true);
      await until(() => replica.io.sockets.sockets.size === 1);
      const other = connect({ ...ann, query: { cid: 'tab-2' } });
      await other.seen('refused');
      expect(refusals(fresh)).toEqual([]);
    },
  );

  it('[ST2] a cid that is none is like no other', async () => {
    const { connect } = await startReplica({ MAX_CONNECTIONS_PER_USER: '2' });
    for (const cid of ['a b', '']) {
      const client = connect({ ...ann, query: { cid } });
      await client.seen('hello');
    }
    const third = connect({ ...ann, query: { cid: 'a b' } });
    await third.seen('refused');
    expect(refusals(third)).toEqual(['too_many_connections']);
  });

  it('[ST2] a seat that another replica takes over ends the socket here', async () => {
    const { backplane, connect } = await startReplica({ MAX_CONNECTIONS_PER_USER: '1' });
    const client = connect({ ...ann, query: { cid: 'tab' } });
    await client.seen('hello');
    const gen = backplane.allSeats.enter('other');
    backplane.allSeats.take('other', gen, [{ user: 'ann', cid: 'tab', id: 'x' }], 1);
    await client.seen('refused');
    expect(refusals(client)).toEqual(['seat_taken_over']);
  });

  it('[ST3] a seat is free at once, however its connection ends', async () => {
    const { connect } = await startReplica({ MAX_CONNECTIONS_PER_USER: '1' });
    for (const end of ['disconnect', 'close', 'vanish']) {
      const client = connect({ ...ann, reconnection: false });
      await client.seen('hello');
      if (end === 'disconnect') client.socket.disconnect();
      else if (end === 'close') client.socket.io.engine.close();
      else client.socket.io.engine.transport.close();
    }
    const last = connect(ann);
    await last.seen('hello', 1, 1_000);
    expect(refusals(last)).toEqual([]);
  });

  it('[ST3] who leaves and joins again on one connection leaves nothing behind', async () => {
    const { replica, url } = await startReplica({ MAX_CONNECTIONS_PER_USER: '1' });
    const client = await openRawWebSocket(Number(new URL(url).port));
    onTestFinished(() => client.close());
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

  it('[ST6] while the store is away users are let in, and those too many sent away when it is back', async () => {
    const { backplane, connect, url } = await startReplica({ MAX_CONNECTIONS_PER_USER: '2' });
    const one = connect(ann);
    await one.seen('hello');
    const gen = backplane.allSeats.enter('other');
    backplane.allSeats.take('other', gen, [{ user: 'ann', cid: 'x', id: 'x' }], 2);
    const stop = setInterval(() => backplane.allSeats.beat('other', gen, []), 100);
    try {
      backplane.setLink(false);
      const two = connect(ann);
      await two.seen('hello');
      const three = connect(ann);
      await three.seen('refused');
      backplane.setLink(true);
      await two.seen('refused');
      expect(refusals(two)).toEqual(['too_many_connections']);
      expect(refusals(one)).toEqual([]);
      // Its transport was closed, so that it comes back by itself.
      await two.seen('refused', 2, 15_000);
      const metrics = await (await fetch(`${url}/metrics`)).text();
      expect(metrics).toMatch(/tickwire_seats_uncounted_total\{node="test"\} 1/);
      expect(metrics).toMatch(/tickwire_seats_refused_total\{reason="dispossessed",node="test"\} 1/);
    } finally {
      clearInterval(stop);
    }
  });
});

type OpenStream = Awaited<ReturnType<typeof startReplica>>['stream'];

/** Resolves when a new plain WebSocket of ann has a seat; one that is refused is tried again. */
async function comesIn(stream: OpenStream): Promise<void> {
  await until(async () => {
    const next = stream('/stream/A?user=ann');
    const first = await until(() => next.messages[0]);
    return first.type === 'hello';
  });
}

describe('seats of plain WebSockets', () => {
  it('[ST1][PW7] the fourth is told why and closed with 1008, and comes in when a place is free', async () => {
    const { connect, stream } = await startReplica();
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

  it('[ST2] the same cid takes its seat over, also from a Socket.IO client', async () => {
    const { connect, stream } = await startReplica({ MAX_CONNECTIONS_PER_USER: '1' });
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

  it('[ST1] an upgrade that turns out to be none keeps no seat', async () => {
    const { stream, url } = await startReplica({ MAX_CONNECTIONS_PER_USER: '1' });
    const answer = await askRaw(
      Number(new URL(url).port),
      'GET /stream/A?user=ann HTTP/1.1\r\nHost: any\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
    );
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    await comesIn(stream);
  });
});
