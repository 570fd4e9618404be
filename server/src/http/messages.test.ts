/** `POST /api/message` through a true server. */
import { describe, expect, it } from 'vitest';
import { limits, refusal, type MessageAck } from '../../protocol/index.ts';
import { badUserIds } from '../../test/security/catalogue/user-ids.ts';
import { problemOf, testKey, serveEachTest } from '../../test/support/stand-ins/serve-app.ts';
import type { ApiMessage } from './messages.ts';

let sent: ApiMessage[];
let answer: MessageAck;

const app = serveEachTest(() => {
  sent = [];
  answer = { ok: true, delivered: 3 };
  return {
    sendMessage: (message) => {
      sent.push(message);
      return Promise.resolve(answer);
    },
  };
});

const post = (body: object): Promise<Response> =>
  app.get('/api/message', {
    method: 'POST',
    headers: { 'X-API-Key': testKey, 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  });

function nested(levels: number): unknown {
  return JSON.parse('['.repeat(levels) + ']'.repeat(levels));
}

describe('POST /api/message', () => {
  it.each<[string, object, ApiMessage]>([
    [
      'a user',
      { userId: 'ann@example.com', event: 'order', data: { id: 1 } },
      { to: { userId: 'ann@example.com' }, event: 'order', data: { id: 1 } },
    ],
    [
      'a symbol in any case',
      { symbol: 'demo', data: '<script>' },
      { to: { symbol: 'DEMO' }, event: 'message', data: '<script>' },
    ],
    ['all, without data', { all: true }, { to: { all: true }, event: 'message', data: null }],
    [
      'data of as many levels as it may have',
      { all: true, data: nested(limits.maxDataDepth) },
      { to: { all: true }, event: 'message', data: nested(limits.maxDataDepth) },
    ],
  ])('[MS3] reaches %s', async (_, body, message) => {
    const given = await post(body);
    expect(given.status).toBe(200);
    expect(given.headers.get('cache-control')).toBe('no-store');
    expect(await given.json()).toEqual({ delivered: 3 });
    expect(sent).toEqual([message]);
  });

  it('[MS5] names replicas that did not answer, and says when none can be reached', async () => {
    answer = { ok: true, delivered: 1, incomplete: ['r2'] };
    expect(await (await post({ all: true })).json()).toEqual({ delivered: 1, incomplete: ['r2'] });
    answer = { ok: false, ...refusal('replicas_unreachable') };
    const refused = await post({ all: true });
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '1']);
    expect(await problemOf(refused)).toMatchObject({ name: 'replicas_unreachable', retry: 'later' });
  });

  it.each<[string, object]>([
    ['nobody', { event: 'news', data: 1 }],
    ['a user and all', { userId: 'ann', all: true }],
    ['a user and a symbol', { userId: 'ann', symbol: 'DEMO' }],
    ['all three', { userId: 'ann', symbol: 'DEMO', all: true }],
    ['not all', { all: false }],
    ...badUserIds.map(([name, userId]): [string, object] => [`a user ${name}`, { userId }]),
    ['an event that is no text', { all: true, event: 7 }],
    ['an event with a blank', { all: true, event: 'two words' }],
    ['an event that is too long', { all: true, event: 'e'.repeat(limits.maxEventLength + 1) }],
    ['a key too many', { all: true, room: 'x' }],
    ['data with a level too many', { all: true, data: nested(limits.maxDataDepth + 1) }],
  ])('is refused for %s', async (_, body) => {
    expect(await problemOf(await post(body))).toMatchObject({
      status: 400,
      code: 4100,
      name: 'bad_payload',
      retry: 'never',
    });
    expect(sent).toEqual([]);
  });

  it.each([
    [400, 'reserved_event', { all: true, event: 'tick' }],
    [400, 'bad_symbol', { symbol: 'no such' }],
    [404, 'unknown_symbol', { symbol: 'NOPE' }],
  ])('[MS4] is refused with %i %s', async (status, name, body) => {
    expect(await problemOf(await post(body))).toMatchObject({ status, name });
    expect(sent).toEqual([]);
  });
});
