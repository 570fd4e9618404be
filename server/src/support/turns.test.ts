import { expect, it } from 'vitest';
import { createTurns } from './turns.ts';

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
