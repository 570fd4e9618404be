/** Backends that hang, fail, go away and come back, and what clients are answered meanwhile. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer as createHttpsServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { makeCertificate } from '../../../scripts/lib/certificate.mjs';
import type { Outcome } from '../../src/bridge/outcome.ts';
import { listen } from '../../src/support/listen.ts';
import { codes, limits, type Refusal } from '../../protocol/index.ts';
import { startBackend, type Respond } from '../support/stand-ins/backend.ts';
import { until } from '../support/until.ts';
import { asked, bridged, impatient, joined, order, startPort } from './bridged.ts';

const deep = `${'['.repeat(limits.maxDataDepth + 1)}${']'.repeat(limits.maxDataDepth + 1)}`;
const json = { 'Content-Type': 'application/json' };
/** Answers with 200 and that text. */
const withText =
  (body: string, headers: Record<string, string> = {}): Respond =>
  (_, response) =>
    void response.writeHead(200, { ...json, ...headers }).end(body);
const withStatus =
  (code: number, headers: Record<string, string> = {}): Respond =>
  (_, response) =>
    void response.writeHead(code, headers).end('{"why":1}');

/** The refusal that a client receives for the outcome. */
const nameOf = (outcome: Outcome): keyof typeof codes =>
  outcome === 'busy'
    ? 'backend_unavailable'
    : outcome === 'refused'
      ? 'backend_refused'
      : 'backend_unconfirmed';

const failing: readonly [what: string, outcome: Outcome, respond: Respond][] = [
  ['hangs', 'timeout', () => undefined],
  [
    'begins its answer and hangs',
    'timeout',
    (_, response) => void response.writeHead(200, json).write('{"ok":'),
  ],
  [
    'sends its answer byte by byte',
    'timeout',
    (_, response) => {
      response.writeHead(200, json);
      const drip = setInterval(() => response.write(' '), 50);
      response.once('close', () => clearInterval(drip));
    },
  ],
  ['ends the connection', 'lost', (_, response) => void response.destroy()],
  ['resets the connection', 'lost', (_, response) => void response.socket?.resetAndDestroy()],
  [
    'promises more bytes than it sends',
    'lost',
    (_, response) => {
      response.writeHead(200, { ...json, 'Content-Length': '100' });
      response.write('{"ok":true}', () => response.destroy());
    },
  ],
  ['answers half a JSON', 'bad_answer', withText('{"ok":tr')],
  ['answers HTML', 'bad_answer', withText('<p>Hello</p>', { 'Content-Type': 'text/html' })],
  ['answers what says it is packed', 'bad_answer', withText('[]', { 'Content-Encoding': 'gzip' })],
  ['answers JSON that is too deep', 'bad_answer', withText(deep)],
  ['answers 10 MB', 'bad_answer', withText(`"${'x'.repeat(10_485_760)}"`)],
  ['answers 500', 'error', withStatus(500)],
  ['answers 502', 'lost', withStatus(502)],
  ['answers 503', 'busy', withStatus(503, { 'Retry-After': '1' })],
  ['answers 429', 'busy', withStatus(429)],
  ['answers 400', 'refused', withStatus(400)],
];

it.each(failing)('[BR5] refuses the event if the backend %s', async (_, outcome, respond) => {
  const backend = await startBackend((got, response) =>
    got.event === 'order' ? respond(got, response) : { ok: true },
  );
  const replica = await bridged(backend.url, outcome === 'timeout' ? impatient : {});
  const client = await joined(replica);
  await client.subscribe(['A']);
  const name = nameOf(outcome);
  const { code, message, retry } = codes[name];
  expect(await order(client)).toEqual({ ok: false, symbols: ['A'], code, name, message, retry });
  expect(backend.of('order')).toHaveLength(1);
  expect(await asked(replica, outcome)).toBe(1);
  const [got] = backend.of('order');
  expect(got?.headers['x-request-id']).toBe(got?.id);
  const lines = replica.logs.map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(lines.filter(({ request }) => request === got?.id)).toMatchObject([
    { level: 'warn', event: 'order', outcome, backend: new URL(backend.url).host, node: 'test' },
  ]);
  // One event's failure is that event's alone.
  expect(await client.call('news')).toEqual({ ok: true });
});

it('[BR5][BR6] an absent backend is unavailable, is soon not asked any more, and is used again when it is back', async () => {
  const backend = await startBackend();
  await backend.stop();
  const replica = await bridged(backend.url);
  const client = await joined(replica);
  await until(async () => {
    const answer = await order(client);
    expect(answer).toMatchObject({ ok: false, name: 'backend_unavailable', code: 4530, retry: 'later' });
    return (await replica.metric('tickwire_backend_breaker')) === 1;
  });
  expect(replica.logs.filter((line) => line.includes('the backend is away'))).toHaveLength(1);
  await until(async () => {
    await order(client);
    return (await asked(replica, 'open')) > 0;
  });
  expect(await client.subscribe(['A'])).toMatchObject({ ok: true });

  await backend.start();
  await until(async () => (await order(client)).ok, { withinMs: 15_000 });
  expect(await replica.metric('tickwire_backend_breaker')).toBe(0);
  expect(replica.logs.filter((line) => line.includes('the backend is back'))).toHaveLength(1);
  expect(new Set(backend.verdicts)).toEqual(new Set(['genuine']));
}, 30_000);

it('[BR5] a backend with an unknown name or an untrusted certificate is unavailable and gets no request', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tickwire-bridge-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const { certificate, key } = await makeCertificate({ folder });
  let requests = 0;
  const untrusted = createHttpsServer({ cert: readFileSync(certificate), key: readFileSync(key) }, () => {
    requests++;
  });
  const port = await listen(untrusted, { host: '127.0.0.1', port: 0 });
  onTestFinished(() => void untrusted.close());
  const { url: noTls } = await startPort((socket) => {
    socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
  });
  for (const url of [
    `https://127.0.0.1:${port}/`,
    noTls.replace('http', 'https'),
    'http://nobody.invalid/',
  ]) {
    const client = await joined(await bridged(url));
    expect(await order(client)).toMatchObject({ name: 'backend_unavailable' });
  }
  expect(requests).toBe(0);
});

it('[BR6] bounds what waits, however much clients send', async () => {
  const backend = await startBackend(() => undefined);
  const replica = await bridged(backend.url, { BACKEND_TIMEOUT_MS: '60000' });
  const clients = await Promise.all(Array.from({ length: 20 }, () => joined(replica)));
  const big = 'x'.repeat(120_000);
  let refused = 0;
  for (const client of clients)
    for (let n = 0; n < 8; n++)
      client.socket.emit('order', big, ({ name, message }: Refusal) => {
        if (name === 'backend_unavailable' && message.startsWith('too many')) refused++;
      });
  // 160 times 120 KB, of which 16 MB have a place.
  await until(() => refused >= 20, { saw: () => refused });
  expect(refused).toBeLessThanOrEqual(24);
  expect(await asked(replica, 'full')).toBe(refused);
  expect(await replica.metric('tickwire_backend_waiting')).toBeLessThan(160);
  expect(await clients[0]?.subscribe(['A'])).toMatchObject({ ok: true });
});

it('[BR6] while the backend hangs, prices and other calls go on, and the log stays small', async () => {
  const backend = await startBackend(() => undefined);
  const replica = await bridged(backend.url, impatient);
  const clients = await Promise.all(Array.from({ length: 10 }, () => joined(replica)));
  for (const client of clients) for (let n = 0; n < 100; n++) client.socket.emit('order', n);
  const [first] = clients;
  if (first === undefined) throw new Error('no client');
  expect(await first.subscribe(['BTC-USD'])).toMatchObject({ ok: true });
  await first.seen('tick', 20);
  expect(first.faults()).toEqual([]);
  await until(async () => (await replica.metric('tickwire_backend_waiting')) === 0, { withinMs: 10_000 });
  expect(await asked(replica, 'timeout')).toBeGreaterThan(4);
  expect(await asked(replica, 'open')).toBeGreaterThan(900);
  const warnings = replica.logs.filter((line) => line.includes('"warn"') && line.includes('backend'));
  expect(warnings.length).toBeLessThan(20);
});
