import { describe, expect, it } from 'vitest';
import { codes } from '../../protocol/index.ts';
import { startReplica } from './replica-under-test.ts';

describe('without sign-in', () => {
  it('[SI1] a client may name itself, or not', async () => {
    const { connect, replica } = await startReplica();
    const named = connect({ auth: { userId: 'ann@example.com' } });
    const nameless = connect({ auth: { token: 'not looked at' } });
    await Promise.all([named.seen('hello'), nameless.seen('hello')]);
    expect(named.hellos()).toMatchObject([{ user: 'ann@example.com' }]);
    expect(nameless.hellos()).toMatchObject([{ user: null }]);
    const users = [...replica.io.sockets.sockets.values()].map(({ data }) => data.identity.user);
    expect(users).toEqual(expect.arrayContaining(['ann@example.com', null]));
  });

  it.each([
    ['empty', ''],
    ['with a slash', 'a/b'],
    ['with a glob', 'ann*'],
    ['with a line break', 'ann\n'],
    ['too long', 'a'.repeat(129)],
    ['a number', 5],
    ['an object', { toString: 'ann' }],
    ['a list', ['ann']],
  ])('[SI1] a name that is none is refused for good: %s', async (_, userId) => {
    const { connect, replica } = await startReplica();
    const client = connect({ auth: { userId } });
    const error = await new Promise<Error & { data?: unknown }>((resolve) =>
      client.socket.once('connect_error', resolve),
    );
    expect(error.data).toMatchObject({ code: codes.bad_user_id.code, name: 'bad_user_id', retry: 'never' });
    expect(replica.io.sockets.sockets.size).toBe(0);
    expect(client.socket.active).toBe(false);
  });
});
