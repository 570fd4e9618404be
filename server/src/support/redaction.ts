/** Secrets kept out of a text that somebody else wrote. Pure. */
import type { NamedSecret } from './secret-check.ts';

/** As often as a text may be percent-encoded over itself to be looked into. */
const maxDecodings = 3;

/**
 * A signed token (JWT): three parts in base64url. Shorter parts are names, such as `index.Ab3dEf.js`; the shortest header has 20
 * letters. A part is only looked at from its beginning, so that a long text takes no longer.
 */
const token = /(?<![\w-])[\w-]{16,}\.[\w-]{10,}\.[\w-]{16,}/;

/** Byte by byte, so that what is no UTF-8 is decoded too. */
const decoded = (text: string): string =>
  text.replaceAll(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));

/** Gives a function that gives a text back, or `[redacted]` where it holds one of these secrets or a token, as it is or percent-encoded. */
export function createRedaction(secrets: readonly Pick<NamedSecret, 'key'>[]): (text: string) => string {
  return (text) => {
    let read = text;
    for (let decodings = 0; ; decodings++) {
      if (token.test(read) || secrets.some(({ key }) => read.includes(key))) return '[redacted]';
      const next = decoded(read);
      if (next === read || decodings === maxDecodings) return text;
      read = next;
    }
  };
}
