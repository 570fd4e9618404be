import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { queryOf } from './query.ts';

const byUrl = (url: string): unknown =>
  Object.fromEntries(new URL(url, 'https://any').searchParams.entries());

describe('the query of a request', () => {
  it.each([
    '/socket.io/',
    '/socket.io/?',
    '/socket.io/?EIO=4&transport=websocket&cid=a-1',
    '/socket.io/?a=1&a=2&b&=c&d==e&&f=',
    '/socket.io/?a=%41+b#?c=d',
    '/socket.io/?__proto__=1&constructor=2',
    '/socket.io/?a?b=c',
  ])('of %s is what URL has', (url) => {
    expect(queryOf(url)).toEqual(byUrl(url));
  });

  it('is what URL has, whatever a client sends', () => {
    const part = fc.string({ unit: fc.constantFrom(...'ab=&?%41+#_/.\u00e9"\'<>\\'), maxLength: 30 });
    fc.assert(
      fc.property(part, (query) => {
        expect(queryOf(`/socket.io/?${query}`)).toEqual(byUrl(`/socket.io/?${query}`));
      }),
    );
  });
});
