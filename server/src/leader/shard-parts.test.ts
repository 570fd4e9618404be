import { expect, it } from 'vitest';
import { refusal, type CodeName } from '../../protocol/index.ts';
import type { PushOutcome } from './lane.ts';
import { joinOutcomes } from './shard-parts.ts';

const taken = (seq: number): PushOutcome => ({
  ok: true,
  replayed: false,
  ticks: [{ symbol: 'A', gen: 'g', seq }],
});
const refused = (name: CodeName): PushOutcome => ({ ok: false, refusal: refusal(name) });
const places = [[1], [0]];

it('[PB5] parts that were all taken are one push, in its order', () => {
  expect(joinOutcomes(2, places, [taken(7), taken(3)])).toEqual({
    ok: true,
    replayed: false,
    ticks: [
      { symbol: 'A', gen: 'g', seq: 3 },
      { symbol: 'A', gen: 'g', seq: 7 },
    ],
  });
});

it.each([
  ['no_leader', 'no_leader', 'no_leader'],
  [null, 'no_leader', 'push_unconfirmed'],
  ['no_leader', 'push_unconfirmed', 'push_unconfirmed'],
  [null, 'idempotency_conflict', 'idempotency_conflict'],
] as const)('[PB5] parts that ended with %s and %s are refused as %s', (first, second, name) => {
  const outcomes = [first === null ? taken(1) : refused(first), refused(second)];
  expect(joinOutcomes(2, places, outcomes)).toMatchObject({ ok: false, refusal: { name } });
});
