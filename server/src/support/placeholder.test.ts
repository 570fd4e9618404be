import { randomBytes } from 'node:crypto';
import { expect, it } from 'vitest';
import { isPlaceholder } from './placeholder.ts';

it.each([
  'my-own-secret-key',
  'changeme-changeme-changeme-changeme',
  'your-secret-key-change-this-in-dev',
  'super-secret-jwt-token-with-a-long-default',
  'a'.repeat(40),
  '01234567890123456789012345678901',
  'abcdefghijklmnopqrstuvwxyz123456',
  'SECRET_SECRET_SECRET_SECRET_SECRET',
])('takes %s for a placeholder', (text) => {
  expect(isPlaceholder(text)).toBe(true);
});

it('takes nothing random for one', () => {
  const random = Array.from({ length: 2_000 }, () => randomBytes(32));
  for (const bytes of random) {
    expect(isPlaceholder(bytes.toString('base64'))).toBe(false);
    expect(isPlaceholder(bytes.toString('hex'))).toBe(false);
  }
});
