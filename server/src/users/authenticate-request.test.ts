import type { IncomingMessage } from 'node:http';
import { expect, it } from 'vitest';
import { createAuthenticateRequest } from './authenticate-request.ts';
import { anonymous, type Credentials } from './identity.ts';

/** What sign-in is shown of a request. */
async function shownOf(
  { authorization, url = '/api/ticks' }: { authorization?: string; url?: string },
  shown?: Pick<Credentials, 'token' | 'userId'>,
): Promise<Credentials> {
  let seen: Credentials = {};
  const authenticate = createAuthenticateRequest((credentials) => {
    seen = credentials;
    return anonymous;
  });
  await authenticate({ headers: { authorization }, url } as IncomingMessage, shown);
  return seen;
}

it.each([
  ['Bearer a.b.c', 'a.b.c'],
  ['bearer  a.b.c', 'a.b.c'],
  ['Bearer', undefined],
  ['Bearer a b', undefined],
  ['Basic YTpi', undefined],
  ['Session s:x', undefined],
  ['xBearer a', undefined],
  [undefined, undefined],
])('[SI2] Authorization: %s shows the token %s', async (authorization, token) => {
  const shown = await shownOf(authorization === undefined ? {} : { authorization });
  expect(shown).toEqual({ token, userId: undefined, query: {} });
});

it('[SI6] the query is shown as it is meant', async () => {
  const { query } = await shownOf({ url: '/stream/A?%74oken=x&user=ann&since=' });
  expect(query).toEqual({ token: 'x', user: 'ann', since: '' });
});

it('what the caller found comes first', async () => {
  const shown = await shownOf({ authorization: 'Bearer a' }, { token: 'b', userId: 'ann' });
  expect(shown).toMatchObject({ token: 'b', userId: 'ann' });
});
