import { expect, it } from 'vitest';
import { createTokens } from './tokens.ts';

it('gives as many random bytes as it is asked for, none of them twice, beyond what it stores at a time', () => {
  const token = createTokens();
  const given = Array.from({ length: 2_000 }, (_, i) => token(i % 2 === 0 ? 12 : 18));
  expect(new Set(given).size).toBe(given.length);
  for (const [i, one] of given.entries()) {
    expect(one).toMatch(/^[\w-]+$/);
    expect(Buffer.from(one, 'base64url')).toHaveLength(i % 2 === 0 ? 12 : 18);
  }
  // Nothing that was wiped is given away.
  expect(given.filter((one) => /^A+$/.test(one))).toEqual([]);
});
