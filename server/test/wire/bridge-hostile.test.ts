/** Backends that mean harm or have no luck: what they answer stays with the one event that it was an answer to, and small. */
import type { ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { createGzip } from 'node:zlib';
import { expect, it } from 'vitest';
import { limits } from '../../protocol/index.ts';
import { startBackend, type Backend, type Respond } from '../support/backend.ts';
import { openPolling } from '../support/attackers.ts';
import { until } from '../support/until.ts';
import { bridged, joined, metric, order, startPort } from './bridged.ts';

const json = { 'Content-Type': 'application/json' };

/** A backend that answers `order` so, and all else with `{ok: true}`. */
const onOrder = (respond: Respond): Promise<Backend> =>
  startBackend((got, response) => (got.event === 'order' ? respond(got, response) : { ok: true }));

/** JSON of a text that is so many times 64 KiB long, packed piece by piece: it is never whole in the memory that is measured. */
function packedText(pieces: number): Promise<Buffer> {
  const zeros = Buffer.alloc(65_536, '0');
  const text = function* (): Generator<Buffer> {
    yield Buffer.from('"');
    for (let n = 0; n < pieces; n++) yield zeros;
    yield Buffer.from('"');
  };
  return buffer(Readable.from(text()).pipe(createGzip()));
}

/** An answer as HTTP. */
const answerOf = (text: string, headers = ''): string =>
  `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${text.length}\r\n${headers}\r\n${text}`;

it('[BR5] an answer without an end is cut off when it is too long', async () => {
  const piece = 'x'.repeat(65_536);
  let written = 0;
  let isCut = false;
  const pour = (response: ServerResponse): void => {
    while (!isCut) {
      written += piece.length;
      if (!response.write(piece)) break;
    }
  };
  const backend = await onOrder((_, response) => {
    response.writeHead(200, json);
    response.on('drain', () => pour(response));
    response.once('close', () => (isCut = true));
    pour(response);
  });
  const client = await joined(await bridged(backend.url, { BACKEND_TIMEOUT_MS: '60000' }));
  expect(await order(client)).toMatchObject({ name: 'backend_unconfirmed' });
  await until(() => isCut);
  // What was too much, and what the kernel held on the way.
  expect(written).toBeLessThan(limits.maxBackendAnswerBytes + 16_777_216);
  expect(backend.of('order')).toHaveLength(1);
});

it('[BR5] what is packed is not unpacked, however small it comes', async () => {
  const bomb = await packedText(3_200);
  expect(bomb.length).toBeLessThan(limits.maxBackendAnswerBytes);
  const backend = await onOrder(
    (_, response) => void response.writeHead(200, { ...json, 'Content-Encoding': 'gzip' }).end(bomb),
  );
  const replica = await bridged(backend.url);
  const client = await joined(replica);
  const before = process.memoryUsage().rss;
  for (let n = 0; n < 5; n++) expect(await order(client)).toMatchObject({ name: 'backend_unconfirmed' });
  expect(process.memoryUsage().rss - before).toBeLessThan(100_000_000);
  expect(await metric(replica, 'tickwire_backend_requests_total{outcome="bad_answer"')).toBe(5);
});

it.each([301, 302, 303, 307, 308])(
  '[BR3] a redirect to elsewhere with %i is not followed, and gets neither event nor signature',
  async (status) => {
    const elsewhere = await startBackend();
    const backend = await onOrder(
      (_, response) => void response.writeHead(status, { Location: elsewhere.url }).end(),
    );
    const client = await joined(await bridged(backend.url));
    expect(await order(client)).toMatchObject({ name: 'backend_unconfirmed' });
    expect(await client.call('news')).toEqual({ ok: true });
    expect([elsewhere.verdicts, backend.of('order').length]).toEqual([[], 1]);
  },
);

it.each([
  ['before its answer', ''],
  [
    'in the middle of its answer',
    'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{"ok',
  ],
])('[BR5] a connection that is reset %s leaves the event unconfirmed and is made anew', async (_, begin) => {
  let events = 0;
  const { url } = await startPort((socket) => {
    socket.on('data', (data: Buffer) => {
      if (!data.toString().includes('"event":"order"')) return void socket.write(answerOf('{"ok":true}'));
      events++;
      if (begin === '') socket.resetAndDestroy();
      else socket.write(begin, () => socket.resetAndDestroy());
      return undefined;
    });
  });
  const client = await joined(await bridged(url));
  expect(await order(client)).toMatchObject({ name: 'backend_unconfirmed', retry: 'later' });
  expect(await client.call('news')).toEqual({ ok: true });
  expect(events).toBe(1);
});

it("[BR5] an answer that comes too late is nobody's, and not that of the next event", async () => {
  const late: ServerResponse[] = [];
  const backend = await onOrder(({ data }, response) => {
    if (data !== 'late') return { of: data };
    late.push(response);
    return undefined;
  });
  const client = await joined(await bridged(backend.url));
  const [first, second] = [order(client, 'late'), order(client, 'next')];
  expect(await first).toMatchObject({ name: 'backend_unconfirmed' });
  for (const response of late) response.writeHead(200, json).end('{"of":"late"}');
  expect(await second).toEqual({ of: 'next' });
  expect(await order(client, 'third')).toEqual({ of: 'third' });
});

it('[BR5] an answer that nobody asked for is taken for that of no event', async () => {
  let events = 0;
  const { url } = await startPort((socket) => {
    socket.on('data', (data: Buffer) => {
      const isOrder = data.toString().includes('"event":"order"');
      if (isOrder) events++;
      const own = answerOf(isOrder ? `{"of":${events}}` : '{}');
      socket.write(own + answerOf('{"of":"nobody"}'));
    });
  });
  const client = await joined(await bridged(url));
  for (let n = 1; n <= 10; n++) expect(await order(client)).toEqual({ of: n });
});

it('[BR5] a backend that closes each kept connection behind its answer gets every event once', async () => {
  let events = 0;
  const { url } = await startPort((socket) => {
    socket.once('data', (data: Buffer) => {
      if (data.toString().includes('"event":"order"')) events++;
      // Without a word of closing, as programs do that are ended.
      socket.end(answerOf(`{"events":${events}}`, 'Connection: keep-alive\r\n'));
    });
  });
  const client = await joined(await bridged(url));
  for (let n = 1; n <= 30; n++) expect(await order(client)).toEqual({ events: n });
});

it.each([
  ['an upgrade', 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n'],
  ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}x'],
  [
    'a length and chunks',
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n',
  ],
  ['a status that is none', 'HTTP/1.1 99 Low\r\nContent-Length: 0\r\n\r\n'],
  ['hints without end', 'HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(1_000)],
])('[BR5] a backend that answers with %s', async (_, answer) => {
  let requests = 0;
  const { url } = await startPort((socket) => {
    socket.on('data', (data: Buffer) => {
      if (!data.toString().includes('"event":"order"')) return void socket.write(answerOf('{"ok":true}'));
      requests++;
      return void socket.write(answer);
    });
  });
  const client = await joined(await bridged(url));
  expect(await order(client)).toMatchObject({ ok: false, name: 'backend_unconfirmed' });
  expect(await client.call('news')).toEqual({ ok: true });
  expect(requests).toBe(1);
});

it('[BR1] an answer with the names of prototypes is data, here and at the client', async () => {
  const text = '{"__proto__":{"isAdmin":true},"constructor":{"prototype":{"isAdmin":true}},"toJSON":1}';
  const backend = await onOrder((_, response) => void response.writeHead(200, json).end(text));
  const replica = await bridged(backend.url);
  const raw = await openPolling(replica.url);
  await raw.post('40');
  await raw.poll();
  await raw.post(`427["order",{"__proto__":{"isAdmin":true}}]`);
  await until(() => backend.of('order').length === 1);
  let heard = '';
  await until(async () => (heard += await raw.poll()).includes('437'));
  raw.close();
  expect(heard).toContain(`437[${text}]`);
  expect(backend.of('order')[0]?.text).toContain('"data":{"__proto__":{"isAdmin":true}}');
  expect('isAdmin' in {}).toBe(false);
});

it('[BR6] a backend that is busy is left alone, asked again by one event, and used when it has time', async () => {
  let isBusy = true;
  const backend = await onOrder((_, response) => {
    if (!isBusy) return { ok: true };
    response.writeHead(backend.of('order').length % 2 === 0 ? 429 : 503, { 'Retry-After': '1' }).end();
    return undefined;
  });
  const replica = await bridged(backend.url);
  const client = await joined(replica);
  for (let n = 0; n < 30; n++)
    expect(await order(client)).toMatchObject({ name: 'backend_unavailable', retry: 'later' });
  expect(backend.of('order').length).toBeLessThan(10);
  expect(await metric(replica, 'tickwire_backend_breaker')).toBe(1);
  isBusy = false;
  await until(async () => (await order(client)).ok, { withinMs: 15_000 });
  expect(await metric(replica, 'tickwire_backend_breaker')).toBe(0);
  expect(replica.logs.filter((line) => /the backend is (away|back)/.test(line))).toHaveLength(2);
}, 20_000);

it('[BR1][CN3] an event as large as a message may be goes there whole, and a larger one ends its connection alone', async () => {
  const backend = await onOrder(({ data }) => String(data).length);
  const replica = await bridged(backend.url, { MAX_MESSAGE_BYTES: '100000' });
  const [client, other] = [await joined(replica), await joined(replica)];
  expect(await order(client, 'x'.repeat(99_900))).toBe(99_900);
  client.socket.emit('order', 'x'.repeat(100_001));
  await until(() => !client.socket.connected);
  expect(await order(other, 'after')).toBe(5);
  expect(backend.of('order')).toHaveLength(2);
});
