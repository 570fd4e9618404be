import { expect, it } from 'vitest';
import { createLoopTurns, createTurns } from './turns.ts';

it('makes one call after the other, also after one that failed', async () => {
  const takeTurn = createTurns();
  const seen: string[] = [];
  let end = (_value: string): void => {};
  const one = takeTurn(() => {
    seen.push('one begins');
    return new Promise<string>((resolve) => (end = resolve));
  });
  const two = takeTurn(async () => {
    seen.push('two begins');
    throw new Error('two failed');
  });
  const three = takeTurn(async () => {
    seen.push('three begins');
    return 3;
  });
  await Promise.resolve();
  expect(seen).toEqual(['one begins']);
  end('one');
  expect(await Promise.allSettled([one, two, three])).toEqual([
    { status: 'fulfilled', value: 'one' },
    { status: 'rejected', reason: new Error('two failed') },
    { status: 'fulfilled', value: 3 },
  ]);
  expect(seen).toEqual(['one begins', 'two begins', 'three begins']);
});

it('gives each turn of the event loop to one caller, in order', async () => {
  const turn = createLoopTurns();
  const seen: string[] = [];
  const calls = ['a', 'b', 'c'].map(async (name) => {
    await turn();
    seen.push(name);
  });
  for (let loop = 1; loop <= 3; loop++) {
    await new Promise((resolve) => void setImmediate(resolve));
    seen.push(`loop ${loop}`);
  }
  await Promise.all(calls);
  await turn();
  expect(seen).toEqual(['a', 'loop 1', 'b', 'loop 2', 'c', 'loop 3']);
});
