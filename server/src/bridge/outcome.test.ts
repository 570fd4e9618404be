import { expect, it } from 'vitest';
import { isTaken } from './outcome.ts';

it.each([
  [200, true],
  [299, true],
  [500, false],
  [undefined, false],
])('[BR9] a backend that answers badly with status %s knows: %s', (status, knows) => {
  const sent = { outcome: 'bad_answer', detail: 'as the test says' } as const;
  expect(isTaken(status === undefined ? sent : { ...sent, status })).toBe(knows);
});
