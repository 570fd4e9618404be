import { expect, it } from 'vitest';
import { codes } from './index.ts';

it('[C1] every code is one refusal, and its number says of what kind', () => {
  const numbers = Object.values(codes).map(({ code }) => code);
  expect(new Set(numbers).size).toBe(numbers.length);
  for (const number of numbers) expect(String(number)).toMatch(/^4[1235]\d\d$/);
});
