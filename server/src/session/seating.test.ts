import { expect, it } from 'vitest';
import { parseCid } from './seating.ts';

it.each(['a', 'tab_1-B', 'c'.repeat(64)])('[ST2] %s is a cid', (text) => {
  expect(parseCid(text)).toBe(text);
});

it.each([
  ['65 letters', 'c'.repeat(65)],
  ['5,000 letters', 'c'.repeat(5_000)],
  ['nothing', ''],
  ['a colon', 'a:b'],
  ['an asterisk', '*'],
  ['markup', '<b>'],
  ['a line break', 'a\r\nb'],
  ['a line break at the end', 'a\n'],
  ['a NUL', 'a\0'],
  ['a list', ['a']],
  ['no text', undefined],
])('[ST2] a cid of %s is none', (_what, text) => {
  expect(parseCid(text)).toBeNull();
});
