/** Hostile and broken backends: an answer affects only its own event, and stays small. */
import type { ServerResponse } from 'node:http';
import { expect, it } from 'vitest';
import { limits } from '../../protocol/index.ts';
import { startBackend, type Backend, type Respond } from '../support/stand-ins/backend.ts';
import { openPolling } from '../support/clients/attackers.ts';
import { until } from '../support/until.ts';
import { bridged, impatient, joined, order, startPort } from './bridged.ts';

const json = { 'Content-Type': 'application/json' };

/** A backend that answers `order` so, and all else with `{ok: true}`. */
const onOrder = (respond: Respond): Promise<Backend> =>
  startBackend((got, response) => (got.event === 'order' ? respond(got, response) : { ok: true }));

/** An answer as HTTP. */
const answerOf = (text: string, headers = ''): string =>
  `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${text.length}\r\n${headers}\r\n${text}`;

it('[BR5] cuts off an endless answer when it is too long', async () => {
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

it('[BR3] follows no redirect to elsewhere, which gets neither event nor signature', async () => {
  const elsewhere = await startBackend();
  const backend = await onOrder(
    ({ data }, response) => void response.writeHead(Number(data), { Location: elsewhere.url }).end(),
  );
  const client = await joined(await bridged(backend.url));
  const statuses = [301, 302, 303, 307, 308];
  for (const status of statuses)
    expect(await order(client, status)).toMatchObject({ name: 'backend_unconfirmed' });
  expect([elsewhere.verdicts, backend.of('order').length]).toEqual([[], statuses.length]);
});

it('[BR5] drops an answer that comes too late, and does not take it for the next one', async () => {
  const late: ServerResponse[] = [];
  const backend = await onOrder(({ data }, response) => {
    if (data !== 'late') return { of: data };
    late.push(response);
    return undefined;
  });
  const client = await joined(await bridged(backend.url, impatient));
  const [first, second] = [order(client, 'late'), order(client, 'next')];
  expect(await first).toMatchObject({ name: 'backend_unconfirmed' });
  for (const response of late) response.writeHead(200, json).end('{"of":"late"}');
  expect(await second).toEqual({ of: 'next' });
  expect(await order(client, 'third')).toEqual({ of: 'third' });
});

it('[BR5] takes an unrequested answer for that of no event', async () => {
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

it('[BR5] a backend that closes each kept connection after its answer gets every event once', async () => {
  let events = 0;
  const { url } = await startPort((socket) => {
    socket.once('data', (data: Buffer) => {
      if (data.toString().includes('"event":"order"')) events++;
      // Without a word of closing, as programs do that are ended.
      socket.end(answerOf(`{"events":${events}}`, 'Connection: keep-alive\r\n'));
    });
  });
  const client = await joined(await bridged(url));
  for (let n = 1; n <= 15; n++) expect(await order(client)).toEqual({ events: n });
});

it.each([
  ['an upgrade', 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n'],
  ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}x'],
  [
    'a length and chunks',
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n',
  ],
  ['more than its length says', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{"ok":true}'],
  ['a malformed status', 'HTTP/1.1 99 Low\r\nContent-Length: 0\r\n\r\n'],
  ['hints without end', 'HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(1_000)],
  ['headers without end', `HTTP/1.1 200 OK\r\n${`X-${'x'.repeat(1_000)}: y\r\n`.repeat(100)}`],
  ['another protocol', 'SSH-2.0-OpenSSH_9.2\r\n'],
])('[BR5] leaves an event unconfirmed if the backend answers %s', async (_, answer) => {
  let requests = 0;
  const { url } = await startPort((socket) => {
    socket.on('data', (data: Buffer) => {
      if (!data.toString().includes('"event":"order"')) return void socket.write(answerOf('{"ok":true}'));
      requests++;
      return void socket.end(answer);
    });
  });
  const client = await joined(await bridged(url));
  expect(await order(client)).toMatchObject({ ok: false, name: 'backend_unconfirmed', retry: 'later' });
  expect(await client.call('news')).toEqual({ ok: true });
  expect(requests).toBe(1);
});

it('[BR1] keys named like prototypes are data, in events and in answers', async () => {
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

it('[BR1][CN3] sends an event of the largest message size whole; a larger one closes only its connection', async () => {
  const backend = await onOrder(({ data }) => String(data).length);
  const replica = await bridged(backend.url, { MAX_MESSAGE_BYTES: '100000' });
  const [client, other] = [await joined(replica), await joined(replica)];
  expect(await order(client, 'x'.repeat(99_900))).toBe(99_900);
  client.socket.emit('order', 'x'.repeat(100_001));
  await until(() => !client.socket.connected);
  expect(await order(other, 'after')).toBe(5);
  expect(backend.of('order')).toHaveLength(2);
});
