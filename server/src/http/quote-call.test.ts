/** `POST /api/quote` through a true server. */
import { describe, expect, it } from 'vitest';
import { refusal, type MessageAck, type Quote } from '../../protocol/index.ts';
import { problemOf, testKey, serveEachTest } from '../../test/support/stand-ins/serve-app.ts';
import { BackplaneUnavailable } from '../backplane/contract.ts';
import { anonymous, SignInRefused } from '../users/identity.ts';

const day = { open: '1', high: '2', low: '1', volume: '0' };
const demo: Quote = { symbol: 'DEMO', price: '1.50', ...day, gen: 'abc123', seq: 1, ts: 1, stale: false };

let sent: { userId: string; quote: Quote }[];
let answer: MessageAck;
let isStoreUp: boolean;

const maySee = (symbol: string): boolean => symbol !== 'ACME';

const app = serveEachTest(() => {
  sent = [];
  answer = { ok: true, delivered: 2 };
  isStoreUp = true;
  return {
    symbols: () => ['ACME', 'DEMO', 'NEW'],
    quotes: (symbols) => {
      if (!isStoreUp) throw new BackplaneUnavailable('away');
      return symbols.filter((symbol) => symbol !== 'NEW').map((symbol) => ({ ...demo, symbol }));
    },
    authenticate: async ({ headers }) => {
      const token = /^Bearer (.*)$/.exec(headers.authorization ?? '')?.[1];
      if (token === 'expired') throw new SignInRefused('token_expired');
      return token === undefined || token === 'nobody' ? anonymous : { user: token, expiresAt: null, maySee };
    },
    proveSession: ({ session, secret }) => {
      if (session === 'frozen') return Promise.resolve({ at: 'silent' });
      const user = session === 'of-nobody' ? null : session;
      return Promise.resolve(
        secret === 'right' ? { at: 'proved', user, maySee: user !== 'blind' } : { at: 'none' },
      );
    },
    sendQuote: (userId, quote) => {
      sent.push({ userId, quote });
      return Promise.resolve(answer);
    },
  };
});

function post(headers: Record<string, string>, body: unknown = { userId: 'ann', symbol: 'demo' }) {
  return app.get('/api/quote', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
}

const withKey = { 'X-API-Key': testKey };

describe('POST /api/quote', () => {
  it.each<[string, Record<string, string>]>([
    ['an API key', withKey],
    ['the sign-in of the user', { Authorization: 'Bearer ann' }],
    ["the secret of one of the user's sessions", { Authorization: 'Session ann:right' }],
    ['a scheme in any case', { Authorization: 'session ann:right' }],
  ])('[QT1] with %s sends the quote and tells to how many sessions', async (_, headers) => {
    const given = await post(headers);
    expect(given.status).toBe(200);
    expect(given.headers.get('cache-control')).toBe('no-store');
    expect(await given.json()).toEqual({ delivered: 2 });
    expect(sent).toEqual([{ userId: 'ann', quote: demo }]);
  });

  it.each<[string, Record<string, string>, number, string]>([
    ['nothing', {}, 401, 'credentials_required'],
    ['a wrong key', { 'X-API-Key': 'no', Authorization: 'Bearer ann' }, 401, 'api_key_invalid'],
    ['another scheme', { Authorization: 'Basic YW5uOmFubg==' }, 401, 'credentials_required'],
    ['a secret without a session', { Authorization: 'Session right' }, 401, 'credentials_required'],
    ['a token where sign-in has none', { Authorization: 'Bearer nobody' }, 401, 'credentials_required'],
    ['an expired token', { Authorization: 'Bearer expired' }, 401, 'token_expired'],
    ['a wrong secret', { Authorization: 'Session ann:wrong' }, 401, 'bad_session'],
    ['the sign-in of another user', { Authorization: 'Bearer ben' }, 403, 'other_user'],
    ['the secret of another user', { Authorization: 'Session ben:right' }, 403, 'other_user'],
    ['the secret of a session of nobody', { Authorization: 'Session of-nobody:right' }, 403, 'other_user'],
    ['a session that does not answer', { Authorization: 'Session frozen:right' }, 503, 'node_unreachable'],
  ])('[QT1] is refused with %s', async (_, headers, status, name) => {
    expect(await problemOf(await post(headers))).toMatchObject({ status, name });
    expect(sent).toEqual([]);
  });

  it.each<[Record<string, string>, object]>([
    [{ Authorization: 'Bearer ann' }, { userId: 'ann', symbol: 'ACME' }],
    [{ Authorization: 'Session blind:right' }, { userId: 'blind', symbol: 'DEMO' }],
  ])('is refused for a symbol that the caller may not see: %j', async (headers, body) => {
    expect(await problemOf(await post(headers, body))).toMatchObject({ name: 'symbol_not_permitted' });
    expect(sent).toEqual([]);
  });

  it.each<[unknown, number, string]>([
    [{}, 400, 'bad_payload'],
    [{ userId: 'a*', symbol: 'DEMO' }, 400, 'bad_payload'],
    [{ userId: 'ann', symbol: 'DEMO', event: 'x' }, 400, 'bad_payload'],
    [{ userId: 'ann', symbol: ['DEMO'] }, 400, 'bad_payload'],
    [{ userId: 'ann', symbol: '*' }, 400, 'bad_symbol'],
    [{ userId: 'ann', symbol: 'NOPE' }, 404, 'unknown_symbol'],
    [{ userId: 'ann', symbol: 'NEW' }, 404, 'no_price'],
  ])('is refused for %j', async (body, status, name) => {
    expect(await problemOf(await post(withKey, body))).toMatchObject({ status, name });
    expect(sent).toEqual([]);
  });

  it.each<[MessageAck, number, string]>([
    [{ ok: true, delivered: 0 }, 404, 'no_session'],
    [{ ok: true, delivered: 0, incomplete: ['r2'] }, 503, 'node_unreachable'],
    [{ ok: false, ...refusal('replicas_unreachable') }, 503, 'replicas_unreachable'],
  ])('[QT1] says that it reached nobody: %j', async (outcome, status, name) => {
    answer = outcome;
    expect(await problemOf(await post(withKey))).toMatchObject({ status, name, retry: 'later' });
  });

  it('names replicas that did not answer, where others did', async () => {
    answer = { ok: true, delivered: 1, incomplete: ['r2'] };
    expect(await (await post(withKey)).json()).toEqual({ delivered: 1, incomplete: ['r2'] });
  });

  it('says that the store is away', async () => {
    isStoreUp = false;
    expect(await problemOf(await post(withKey))).toMatchObject({ status: 503, name: 'store_unavailable' });
  });

  it('never logs a secret or a token', async () => {
    await post({ Authorization: 'Session ann:a-secret-to-look-for' });
    await post({ Authorization: 'Bearer a-token-to-look-for' });
    expect(app.lines.length).toBeGreaterThan(1);
    expect(JSON.stringify(app.lines)).not.toMatch(/to-look-for/);
  });
});
