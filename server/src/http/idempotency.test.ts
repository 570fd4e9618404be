/** `Idempotency-Key` at `PUT /api/ticks`, through a true server: what is handed on so that a push counts once. */
import { describe, expect, it } from 'vitest';
import { acceptAll, problemOf, serveEachTest } from '../../test/support/stand-ins/serve-app.ts';

const one = '[{"symbol":"DEMO","price":"1.50"}]';
let time = Date.UTC(2026, 0, 2);

const app = serveEachTest(() => ({
  clock: { now: () => time++ },
  apiKeys: [
    { name: 'a', key: 'key-of-a-12345' },
    { name: 'b', key: 'key-of-b-12345' },
  ],
  push: async (push) => {
    const outcome = await acceptAll(push);
    return outcome.ok ? { ...outcome, replayed: app.pushes.length > 1 } : outcome;
  },
}));

const put = (body: string, idempotencyKey: string, key = 'key-of-a-12345'): Promise<Response> =>
  app.put(body, { 'X-API-Key': key, 'Idempotency-Key': idempotencyKey });

describe('Idempotency-Key', () => {
  it('goes on with a hash of the content, however that is written and whenever it comes', async () => {
    await put(one, 'k 1');
    await put('[ {"price":"1.50", "symbol":"demo"} ]', 'k 1');
    const [first, again] = app.pushes;
    expect(first?.once?.hash).toMatch(/^[\w-]{43}$/);
    expect(again?.once).toEqual(first?.once);
    expect(again?.ticks[0]?.ts).not.toBe(first?.ticks[0]?.ts);
  });

  it('has another hash with another body, and another id for another key, also of another caller', async () => {
    await put(one, 'k 1');
    await put('[{"symbol":"DEMO","price":"1.51"}]', 'k 1');
    await put(one, 'k 2');
    await put(one, 'k 1', 'key-of-b-12345');
    const [first, otherBody, otherId, otherKey] = app.pushes;
    expect(otherKey?.once?.id).not.toBe(first?.once?.id);
    expect(otherBody?.once?.id).toBe(first?.once?.id);
    expect(otherBody?.once?.hash).not.toBe(first?.once?.hash);
    expect(otherId?.once?.id).not.toBe(first?.once?.id);
    expect(otherId?.once?.hash).toBe(first?.once?.hash);
  });

  it('gives the same body where the push was counted before, and says so in a header', async () => {
    const [first, again] = [await put(one, 'k'), await put(one, 'k')];
    expect([first, again].map(({ headers }) => headers.get('idempotency-replayed'))).toEqual([null, 'true']);
    expect(await again.text()).toBe(await first.text());
  });

  it.each([
    ['empty', ''],
    ['129 characters long', 'k'.repeat(129)],
    ['not ASCII', 'clé'],
  ])('that is %s is 400', async (_what, idempotencyKey) => {
    expect(await problemOf(await put(one, idempotencyKey))).toMatchObject({
      status: 400,
      name: 'bad_payload',
    });
    expect(app.pushes).toEqual([]);
  });
});
