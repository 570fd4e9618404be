/** Handshakes: which pages may connect, what is rejected before a connection exists, and what a session keeps of its request. */
import { IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';
import { ask, askRaw } from '../nginx/ask.ts';
import { refusedUpgrade } from '../support/clients/plain-client.ts';
import { until } from '../support/until.ts';
import { pollingPath, shareReplica, startReplica, webSocketPath } from './replica-under-test.ts';

const open = shareReplica();
const friend = 'https://friend.example';

describe('pages of other origins', () => {
  it.each([
    ['', ['own']],
    [friend, ['own', friend]],
    ['*', ['own', friend, 'https://any.example']],
  ])(
    '[CN1] with CORS_ORIGIN=%j, pages of %j connect in every way without credentials, and no others',
    async (set, pages) => {
      const { url, port, connect, stream, metric } = await startReplica({ CORS_ORIGIN: set });
      expect((await ask(port, pollingPath)).status).toBe(200);
      for (const page of pages) {
        const Origin = page === 'own' ? url : page;
        for (const transport of ['websocket', 'polling'])
          await connect({ transports: [transport], extraHeaders: { Origin } }).seen('hello');
        await stream('/stream/A', { origin: Origin }).seen('hello');
        const { headers } = await ask(port, pollingPath, { headers: { Origin } });
        expect(headers['access-control-allow-origin']).toBe(
          page === 'own' && set !== '*' ? undefined : set === '*' ? '*' : page,
        );
        expect(headers['access-control-allow-credentials']).toBeUndefined();
      }
      const strangers = set === '*' ? [] : ['https://other.example', `${friend}.evil.example`, 'null'];
      for (const Origin of strangers) {
        const problem = { status: 403, code: 4301, name: 'origin_not_allowed', retry: 'never' };
        const headers = { Origin };
        const asked = await ask(port, pollingPath, { headers });
        expect(asked.status).toBe(403);
        expect(JSON.parse(asked.body)).toMatchObject(problem);
        expect(asked.headers['content-type']).toBe('application/problem+json');
        expect(asked.headers['access-control-allow-origin']).toBeUndefined();
        for (const path of [webSocketPath, '/stream/A', '/stream?symbols=A'])
          expect(await refusedUpgrade(url, path, { headers })).toMatchObject({ status: 403, problem });
      }
      const refused = metric('tickwire_handshakes_refused_total', 'origin_not_allowed');
      expect(await refused).toBe(4 * strangers.length);
    },
  );

  it('[CN1] the own page is recognised however a client spells its host', async () => {
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
      const answer = await ask(open.port, pollingPath, { headers: { Host, Origin } });
      expect([Host, Origin, answer.status]).toEqual([Host, Origin, status]);
    }
  });

  it.each([
    [friend, friend, 'Origin'],
    ['*', '*', undefined],
  ])(
    '[CN1][LM7][DR2] with CORS_ORIGIN=%s, an allowed page can read why it is refused for now',
    async (set, allowed, vary) => {
      const limits = { TRUSTED_NETWORKS: 'none', MAX_HANDSHAKES_PER_SECOND: '1' };
      const { port, replica } = await startReplica({ ...limits, CORS_ORIGIN: set }, { speed: 8 });
      const statusAndHeaders = async () => {
        const { status, headers } = await ask(port, pollingPath, { headers: { Origin: friend } });
        return [
          status,
          headers['access-control-allow-origin'],
          headers['access-control-expose-headers'],
          headers['vary'],
        ];
      };
      for (let i = 0; i < 5; i++) expect((await statusAndHeaders()).slice(0, 2)).toEqual([200, allowed]);
      expect(await statusAndHeaders()).toEqual([429, allowed, 'Retry-After', vary]);
      void replica.close();
      expect(await statusAndHeaders()).toEqual([503, allowed, 'Retry-After', vary]);
    },
  );
});

describe('requests over polling', () => {
  it.each([
    ['a path below /socket.io/', '/socket.io/admin/?EIO=4&transport=polling', 403],
    ['protocol 3', '/socket.io/?EIO=3&transport=polling', 400],
    ['an unknown transport', '/socket.io/?EIO=4&transport=pigeon', 400],
    ['an unknown session', '/socket.io/?EIO=4&transport=polling&sid=nobody', 400],
  ])('[CN1] rejects %s', async (_, path, status) => {
    expect((await fetch(open.url + path)).status).toBe(status);
  });

  it('[C4] rejects methods other than GET and POST, and the session goes on', async () => {
    const { sid } = JSON.parse((await (await fetch(open.url + pollingPath)).text()).slice(1)) as {
      sid: string;
    };
    const session = `${open.url}${pollingPath}&sid=${sid}`;
    for (const method of ['PUT', 'DELETE', 'PATCH', 'HEAD']) {
      const answer = await fetch(session, { method });
      expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'GET, POST']);
    }
    await fetch(session, { method: 'POST', body: '40' });
    expect(await (await fetch(session)).text()).toMatch(/^40\{"sid"/);
  });

  it('[C4] answers an upgrade of a malformed URL with 404', async () => {
    for (const path of ['//[?%', '//:?+'])
      expect(
        await askRaw(
          open.port,
          `GET ${path} HTTP/1.1\r\nHost: any\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
            'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
        ),
      ).toMatch(/^HTTP\/1\.1 404 Not Found\r\n/);
    expect((await fetch(`${open.url}/health`)).status).toBe(200);
  });
});

describe('what a session keeps of its handshake', () => {
  it('[CN1] has the query as it was written, and a random id, over either transport', async () => {
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

  it('[CN1] keeps headers and query, and nothing else of the request, also when the client joins again', async () => {
    const { join, replica } = await startReplica();
    const client = await join({ query: { cid: 'c1' }, extraHeaders: { 'X-Test': 'yes' } });
    const kept = { query: { cid: 'c1' }, headers: { 'x-test': 'yes' } };
    const [first] = await replica.io.fetchSockets();
    expect(first?.handshake).toMatchObject(kept);
    // Both in one connection: the manager stays open because another namespace is asked for.
    client.socket.io.socket('/other').connect();
    client.socket.disconnect().connect();
    await client.seen('hello', 2);
    const [second] = await replica.io.fetchSockets();
    expect(second?.handshake).toMatchObject({ ...kept, url: first?.handshake.url });
    const inside = replica.io.sockets.sockets.get(second?.id ?? '');
    expect(inside?.request).not.toBeInstanceOf(IncomingMessage);
    // The tables of its listeners are trimmed soon after it joined.
    await until(() => Object.getPrototypeOf(Reflect.get(inside ?? {}, '_events')) !== null);
    expect(await client.subscribe(['A'])).toMatchObject({ ok: true });
  });
});
