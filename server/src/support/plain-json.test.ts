import { expect, it } from 'vitest';
import { isPlainJson } from './plain-json.ts';

it.each([null, 0, '', [], {}, [[1]], { a: [1] }])('takes %j, which has two levels at most', (value) => {
  expect(isPlainJson(value, 2)).toBe(true);
});

it.each([[[[]]], { a: [{}] }, Buffer.from(''), [new Uint8Array(1)], { a: new ArrayBuffer(1) }])(
  'refuses %j, which has a third level or is binary',
  (value) => {
    expect(isPlainJson(value, 2)).toBe(false);
  },
);
