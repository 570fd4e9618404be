import { once } from 'node:events';
import { get, IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';
import { until } from '../support/until.ts';
import { startReplica } from './replica-under-test.ts';

const handshake = '/socket.io/?EIO=4&transport=polling';

describe('the handshake', () => {
  it('[CN1] takes no page of another origin, over either transport', async () => {
    const { url, connect } = await startReplica();
    expect((await fetch(url + handshake, { headers: { Origin: 'https://evil.example' } })).status).toBe(403);
    const client = connect({
      transports: ['websocket'],
      extraHeaders: { Origin: 'https://evil.example' },
      reconnection: false,
    });
    await new Promise<void>((resolve) => client.socket.once('connect_error', () => resolve()));
    expect(client.events).toEqual([]);
  });

  it('[CN1] takes its own pages, no page at all, and pages that CORS_ORIGIN names', async () => {
    const { url } = await startReplica({ CORS_ORIGIN: 'https://friend.example' });
    for (const headers of [{}, { Origin: url }, { Origin: 'https://friend.example' }] as Record<
      string,
      string
    >[]) {
      expect((await fetch(url + handshake, { headers })).status).toBe(200);
    }
    const answer = await fetch(url + handshake, { headers: { Origin: 'https://friend.example' } });
    expect(answer.headers.get('access-control-allow-origin')).toBe('https://friend.example');
  });

  it.each([
    ['', 'own'],
    ['https://friend.example', 'https://friend.example'],
    ['*', 'https://any.example'],
  ])(
    '[CN1] with CORS_ORIGIN=%s pages of %s connect over either transport, without credentials',
    async (set, page) => {
      const { url, connect } = await startReplica({ CORS_ORIGIN: set });
      const Origin = page === 'own' ? url : page;
      for (const transport of ['websocket', 'polling'])
        await connect({ transports: [transport], extraHeaders: { Origin } }).seen('hello');
      const answer = await fetch(url + handshake, { headers: { Origin } });
      expect(answer.headers.has('access-control-allow-credentials')).toBe(false);
      for (const stranger of set === '*' ? [] : ['https://friend.example.evil.example', 'null'])
        expect((await fetch(url + handshake, { headers: { Origin: stranger } })).status).toBe(403);
    },
  );

  it('[CN1] its own page is its own however clients spell it', async () => {
    const { url } = await startReplica();
    for (const [Host, Origin, status] of [
      ['prices.example:443', 'https://prices.example', 200],
      ['prices.example', 'https://prices.example:443', 200],
      ['prices.example:80', 'http://prices.example', 200],
      ['Prices.Example:8080', 'http://prices.example:8080', 200],
      ['prices.example:8443', 'wss://prices.example:8443', 200],
      ['prices.example:443', 'http://prices.example', 403],
      ['prices.example', 'https://prices.example:8443', 403],
      ['prices.example', 'https://other.example', 403],
      ['prices.example', 'file://', 403],
    ] as const) {
      const request = get(url + handshake, { headers: { Host, Origin } });
      const [answer] = (await once(request, 'response')) as [IncomingMessage];
      answer.resume();
      expect([Host, Origin, answer.statusCode]).toEqual([Host, Origin, status]);
    }
  });

  it('[CN1] with * every page may connect', async () => {
    const { url } = await startReplica({ CORS_ORIGIN: '*' });
    expect((await fetch(url + handshake, { headers: { Origin: 'https://any.example' } })).status).toBe(200);
  });

  it.each([
    ['below /socket.io/', '/socket.io/admin/?EIO=4&transport=polling', 403],
    ['protocol 3', '/socket.io/?EIO=3&transport=polling', 400],
    ['an unknown transport', '/socket.io/?EIO=4&transport=pigeon', 400],
    ['an unknown session', '/socket.io/?EIO=4&transport=polling&sid=nobody', 400],
  ])('[CN1] refuses %s', async (_, path, status) => {
    const { url } = await startReplica();
    expect((await fetch(url + path)).status).toBe(status);
  });

  it('[C4] a method that no session takes is refused, and the session goes on', async () => {
    const { url } = await startReplica();
    const { sid } = JSON.parse((await (await fetch(url + handshake)).text()).slice(1)) as { sid: string };
    for (const method of ['PUT', 'DELETE', 'PATCH', 'HEAD']) {
      const answer = await fetch(`${url}${handshake}&sid=${sid}`, { method });
      expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'GET, POST']);
    }
    await fetch(`${url}${handshake}&sid=${sid}`, { method: 'POST', body: '40' });
    expect(await (await fetch(`${url}${handshake}&sid=${sid}`)).text()).toMatch(/^40\{"sid"/);
  });

  it('has a query as it was written, and an id that says nothing, over either transport', async () => {
    const { connect, replica } = await startReplica();
    const cid = 'a b+c&d=é/#%';
    const ids = new Set<string | undefined>();
    for (const transport of ['websocket', 'polling']) {
      const client = connect({ transports: [transport], query: { cid } });
      await client.seen('hello');
      const { id } = client.socket.io.engine as { id?: string };
      expect(id).toMatch(/^[\w-]{20}$/);
      ids.add(id);
    }
    expect(ids.size).toBe(2);
    const sockets = await replica.io.fetchSockets();
    expect(sockets.map(({ handshake: { query } }) => query['cid'])).toEqual([cid, cid]);
  });

  it('keeps headers and query for the session, and nothing else of the request, also when it joins again', async () => {
    const { connect, replica } = await startReplica();
    const client = connect({
      transports: ['websocket'],
      query: { cid: 'c1' },
      extraHeaders: { 'X-Test': 'yes' },
    });
    await client.seen('hello');
    const [first] = await replica.io.fetchSockets();
    expect(first?.handshake).toMatchObject({ query: { cid: 'c1' }, headers: { 'x-test': 'yes' } });
    // Both in one connection: the manager stays open where another namespace is asked for.
    client.socket.io.socket('/other').connect();
    client.socket.disconnect().connect();
    await client.seen('hello', 2);
    const [second] = await replica.io.fetchSockets();
    expect(second?.handshake).toMatchObject({ query: { cid: 'c1' }, headers: { 'x-test': 'yes' } });
    expect(second?.handshake.url).toBe(first?.handshake.url);
    const inside = replica.io.sockets.sockets.get(second?.id ?? '');
    expect(inside?.request).not.toBeInstanceOf(IncomingMessage);
    // Its listeners' tables are trimmed soon after it joined.
    await until(() => Object.getPrototypeOf(Reflect.get(inside ?? {}, '_events')) !== null);
    expect(await client.subscribe(['A'])).toMatchObject({ ok: true });
  });

  it('[CN3] a message that is too large ends its connection alone', async () => {
    const { connect } = await startReplica({ MAX_MESSAGE_BYTES: '2048' });
    const [large, other] = [connect({ transports: ['websocket'], reconnection: false }), connect()];
    await other.seen('hello');
    await large.seen('hello');
    const gone = new Promise((resolve) => large.socket.once('disconnect', resolve));
    large.socket.emit('subscribe', ['x'.repeat(4_096)]);
    expect(await gone).toBe('transport close');
    expect(await other.subscribe(['A'])).toMatchObject({ ok: true });
  });
});
