import { expect, it } from 'vitest';
import { signatureOf } from './signature.ts';

it('[BR3] signs the second, a dot and the body, in UTF-8', () => {
  // printf '1700000000.{"data":"€"}' | openssl dgst -sha256 -hmac 0123456789abcdef0123456789abcdef
  expect(
    signatureOf({ secret: '0123456789abcdef0123456789abcdef', body: '{"data":"€"}', now: 1_700_000_000_999 }),
  ).toBe('t=1700000000,v1=9dc8088421759d8f06c9a6951eae9a50fb9701758e0792c7f9e837820dcdf89b');
});
