/** `PUT /api/ticks` through a true server: what is handed on, and one clear answer for each body that is not. */
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { limits, refusal } from '../../protocol/index.ts';
import {
  acceptAll,
  problemOf,
  serveApp,
  testKey,
  serveEachTest,
} from '../../test/support/stand-ins/serve-app.ts';
import { BackplaneUnavailable } from '../backplane/contract.ts';

const now = Date.UTC(2026, 0, 2);
let answerPush = acceptAll;

const app = serveEachTest(() => {
  answerPush = acceptAll;
  return { clock: { now: () => now }, push: (push) => answerPush(push) };
});

const json = JSON.stringify;
const one = json([{ symbol: 'DEMO', price: '1.50' }]);
const ticksOf = (length: number): string =>
  json(Array.from({ length }, () => ({ symbol: 'DEMO', price: '1234567890.123456' })));

describe('a push that is taken', () => {
  it('is handed on as it was written, and answered with what the store gave', async () => {
    const answer = await app.put(
      json([
        { symbol: 'demo', price: '64250.10', high: '64251' },
        { symbol: 'ACME', price: 1 },
      ]),
    );
    expect(answer.status).toBe(200);
    expect(await answer.json()).toEqual({
      accepted: 2,
      ticks: [
        { symbol: 'DEMO', gen: 'abc123', seq: 1 },
        { symbol: 'ACME', gen: 'abc123', seq: 1 },
      ],
    });
    expect(answer.headers.has('idempotency-replayed')).toBe(false);
    expect(app.pushes).toEqual([
      {
        ticks: [
          { symbol: 'DEMO', price: '64250.10', ts: now, day: { high: '64251' } },
          { symbol: 'ACME', price: '1', ts: now },
        ],
      },
    ]);
  });

  it.each([
    ['1,000 ticks', ticksOf(limits.maxTicksPerPush), {}],
    ['a BOM', `\uFEFF${one}`, {}],
    ['gzip', gzipSync(one), { 'Content-Encoding': 'gzip' }],
    ['a stated charset', one, { 'Content-Type': 'application/json; charset=utf-8' }],
  ])('may have %s', async (_what, body, headers: Record<string, string>) => {
    expect((await app.put(body, headers)).status).toBe(200);
  });
});

describe('a body', () => {
  it.each([
    [
      400,
      'too_many_symbols',
      '1001 ticks in one push, at most 1000 are taken',
      ticksOf(limits.maxTicksPerPush + 1),
    ],
    [
      413,
      'payload_too_large',
      'the body is larger than this call takes: at most 524288 bytes',
      `[${' '.repeat(limits.maxPushBytes)}]`,
    ],
  ])('over a limit is %i %s and names the limit', async (status, name, detail, body) => {
    expect(await problemOf(await app.put(body))).toMatchObject({ status, name, detail });
  });

  it('over that limit is taken where the operator allows more', async () => {
    const wide = await serveApp({ maxBodyBytes: 1_048_576 });
    try {
      expect((await wide.put(`[${' '.repeat(1_048_575)}]`)).status).toBe(413);
      expect((await wide.put(`${' '.repeat(limits.maxPushBytes)}${one}`)).status).toBe(200);
    } finally {
      await wide.close();
    }
  });

  it('of as many ticks as are taken, with every field at its longest, is taken', async () => {
    const longest = `0.${'0'.repeat(limits.maxDecimalLength - 18)}1234567890123456`;
    expect(longest).toHaveLength(limits.maxDecimalLength);
    const symbol = 'ABCDEFGHIJKLMNOP-ABCDEFGHIJKLMNOP';
    const decimals = ['price', 'size', 'open', 'high', 'low', 'close', 'volume'];
    const tick = { symbol, ts: now, ...Object.fromEntries(decimals.map((name) => [name, longest])) };
    expect(symbol).toHaveLength(limits.maxSymbolLength);
    const answer = await app.put(json(Array.from({ length: limits.maxTicksPerPush }, () => tick)));
    expect(answer.status).toBe(200);
    expect(app.pushes[0]?.ticks).toHaveLength(limits.maxTicksPerPush);
  });

  it('over the limit once inflated is 413, and is not inflated further', async () => {
    const bomb = gzipSync(Buffer.alloc(96 * 1024 * 1024, ' '));
    expect(bomb.length).toBeLessThan(131_072);
    const before = process.memoryUsage().rss;
    const answer = await app.put(bomb, { 'Content-Encoding': 'gzip' });
    expect(await problemOf(answer)).toMatchObject({ status: 413, name: 'payload_too_large' });
    expect(process.memoryUsage().rss - before).toBeLessThan(48 * 1024 * 1024);
  });

  it('cut off by its stated length is 400, and the server serves on', async () => {
    const answer = await app.raw(
      `PUT /api/ticks HTTP/1.1\r\nHost: x\r\nX-API-Key: ${testKey}\r\nContent-Type: application/json\r\n`,
      'Content-Length: 5\r\nConnection: close\r\n\r\n[{"sy',
    );
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect((await app.get('/health/live')).status).toBe(200);
  });
});

describe('a push that is refused behind the door', () => {
  it.each([
    ['unknown_symbol', 404],
    ['symbol_of_other_source', 409],
    ['idempotency_conflict', 409],
    ['no_leader', 503],
    ['store_unavailable', 503],
  ] as const)('%s is %i', async (name, status) => {
    answerPush = () => Promise.resolve({ ok: false, refusal: refusal(name, 'why: <b>X</b>') });
    const answer = await app.put(one);
    const { code, retry } = refusal(name);
    expect(answer.headers.get('retry-after')).toBe(status === 503 ? '1' : null);
    expect(await problemOf(answer)).toMatchObject({ code, name, status, retry, detail: 'why: <b>X</b>' });
  });

  it.each([
    [new BackplaneUnavailable('away'), 503, 'store_unavailable'],
    [new Error('secret words'), 500, 'internal'],
  ])('%s is %i, and only a bug of ours is logged with its words', async (error, status, name) => {
    // oxlint-disable-next-line promise/no-promise-in-callback -- it is the push that answers with a promise
    answerPush = () => Promise.reject(error);
    const answer = await problemOf(await app.put(one));
    expect([answer.status, answer.name]).toEqual([status, name]);
    expect(json(answer)).not.toContain('secret words');
    await expect.poll(() => app.lines.length).toBe(1);
    expect(app.lines[0]).toMatchObject({ level: status === 500 ? 'error' : 'warn', status });
    expect(json(app.lines[0]).includes('secret words')).toBe(status === 500);
  });
});
