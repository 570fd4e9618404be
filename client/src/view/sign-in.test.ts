import { describe, expect, it } from 'vitest';
import { codes, refusal, type CodeName } from '../../../server/protocol/index.ts';
import { signInRefusal, signInRequest } from './sign-in.ts';

describe('a sign-in is asked for', () => {
  it('where another token may mend the refusal, and nowhere else', () => {
    const mended = (Object.keys(codes) as CodeName[]).filter(
      (name) => signInRefusal({ at: 'refused', refusal: refusal(name) }) !== null,
    );
    expect(mended).toEqual(['token_required', 'token_invalid', 'token_expired']);
    const waiting = { at: 'waiting', tries: 1, retryAt: 0, because: 'refused' } as const;
    expect(signInRefusal({ ...waiting, refusal: refusal('token_expired') })?.name).toBe('token_expired');
    expect(signInRefusal(waiting)).toBeNull();
    expect(signInRefusal({ at: 'connecting', tries: 1 })).toBeNull();
  });

  it('with the reason', () => {
    expect(signInRequest(refusal('token_required')).isRefused).toBe(false);
    expect(signInRequest(refusal('token_expired'))).toEqual({
      words: 'Your sign-in has ended. Paste a new token.',
      isRefused: true,
    });
    expect(signInRequest(refusal('token_invalid', 'this token is not taken here: no')).words).toBe(
      'This token is not taken here: no.',
    );
  });
});
