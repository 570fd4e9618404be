import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { secretToken } from '../../test/support/stand-ins/tokens.ts';
import { createRedaction } from './redaction.ts';

const redact = createRedaction([{ key: 'dummy/key+1%2' }, { key: 'other-key' }]);
const encoded = (text: string): string => encodeURIComponent(text);
const token = secretToken({ sub: 'a' });

describe('a redaction', () => {
  const plain = ['/api/other-key', '/xother-keyx/y', '/dummy/key+1%2'];
  const encodedOnce = [`/${encoded('dummy/key+1%2')}`, '/%6fther%2Dkey'];
  const encodedTwice = [`/${encoded(encoded('dummy/key+1%2'))}`];
  const brokenEncoding = ['/%ff%other-key', '/%ff%6Fther-key%zz'];
  const tokens = [`/api/${token}`, `/api/x${token}/disconnect`];
  const encodedTokens = ['%2E', '%252e'].map((dot) => `/${token.replaceAll('.', dot)}`);

  it.each([...plain, ...encodedOnce, ...encodedTwice, ...brokenEncoding, ...tokens, ...encodedTokens])(
    'leaves nothing of %s',
    (text) => {
      expect(redact(text)).toBe('[redacted]');
    },
  );

  it.each([
    '/api/ticks',
    '/api/%6eodes',
    '/%zz',
    '/other-ke',
    '/OTHER-KEY',
    '',
    '/assets/a-chunk-with-a-long-name.Ab3dEf12.js',
    '/api/users/ann.of.accounting@a-long-name.of-a-company.example/disconnect',
    `/${token.split('.', 2).join('.')}`,
  ])('leaves %s as it is', (text) => {
    expect(redact(text)).toBe(text);
  });

  it('finds a secret that is encoded in any way, within whatever text', () => {
    const encoding = fc.constantFrom(
      (letter: string) => letter,
      (letter: string) => `%${letter.charCodeAt(0).toString(16).padStart(2, '0')}`,
      (letter: string) => `%25${letter.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
    );
    fc.assert(
      fc.property(
        fc.string(),
        fc.array(encoding, { minLength: 9, maxLength: 9 }),
        fc.string(),
        (before, encodings, after) => {
          const secret = [...'other-key']
            .map((letter, index) => encodings[index]?.(letter) ?? letter)
            .join('');
          // What comes before may end in the start of an encoding, and then it is another one.
          fc.pre(!/%[0-9a-f]{0,3}$/i.test(before));
          expect(redact(before + secret + after)).toBe('[redacted]');
        },
      ),
    );
  });

  it('is as quick on a text that is encoded without end', () => {
    expect(redact(`/%${'25'.repeat(8_000)}`)).toMatch(/^\/%25/);
  });

  it('knows none where there are none', () => {
    expect(createRedaction([])('/anything')).toBe('/anything');
  });
});
