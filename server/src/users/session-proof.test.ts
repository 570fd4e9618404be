import { describe, expect, it } from 'vitest';
import type { Identity } from './identity.ts';
import type { Others } from './others.ts';
import { createSessionProof } from './session-proof.ts';

const secret = 'a-secret-of-24-characters';
const ofAnn = { session: 'session-of-ann', secret };
const ann: Identity = { user: 'ann', expiresAt: null, maySee: (symbol) => symbol === 'BTC-USD' };

/** Replica 1 has no session, replica 2 has one of Ann's; what goes between them is kept as JSON. */
function setUp({ isReachable = true, isSilent = false } = {}) {
  const said: string[] = [];
  const nobody: Others = { isReachable: () => true, ask: () => Promise.reject(new Error('asked')) };
  const second = createSessionProof({
    others: nobody,
    find: (session) => (session === 'session-of-ann' ? { secret, identity: ann } : null),
  });
  const first = createSessionProof({
    others: {
      isReachable: () => isReachable,
      ask: (question, { body, isEnough }) => {
        said.push(JSON.stringify(body));
        const answer = second.answers[question as 'prove'](JSON.parse(JSON.stringify(body)));
        expect(isEnough?.(answer)).toBe(answer !== null);
        return Promise.resolve(
          isSilent ? { answers: [null], silent: ['r2'] } : { answers: [null, answer], silent: [] },
        );
      },
    },
    find: () => null,
  });
  return { first, second, said };
}

describe('[QT1] a session proves itself', () => {
  it('on its own replica without asking others', async () => {
    const { second } = setUp();
    expect(await second.prove(ofAnn, 'BTC-USD')).toEqual({ at: 'proved', user: 'ann', maySee: true });
  });

  it('on any other, to which the secret itself is not told', async () => {
    const { first, said } = setUp();
    expect(await first.prove(ofAnn, 'AAPL')).toEqual({ at: 'proved', user: 'ann', maySee: false });
    expect(said).toHaveLength(1);
    expect(said[0]).not.toContain(secret);
  });

  it.each([
    ['another secret', 'session-of-ann', `${secret}x`],
    ['a secret one character short', 'session-of-ann', secret.slice(0, -1)],
    ['no secret', 'session-of-ann', ''],
    ['another session', 'session-of-ben', secret],
    ['the name of a prototype', '__proto__', secret],
  ])('and not with %s', async (_, session, shown) => {
    expect(await setUp().first.prove({ session, secret: shown }, 'BTC-USD')).toEqual({ at: 'none' });
  });

  it.each([{ isSilent: true }, { isReachable: false }])(
    'and it is said when it is not known: %j',
    async (how) => {
      expect(await setUp(how).first.prove(ofAnn, 'BTC-USD')).toEqual({ at: 'silent' });
    },
  );
});
