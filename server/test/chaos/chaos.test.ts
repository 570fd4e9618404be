/** `npm run test:chaos`: one run of chaos, then what must be true of it. */
import process from 'node:process';
import { beforeAll, describe, expect, it } from 'vitest';
import { createRandom } from '../support/random.ts';
import { runChaos, type ChaosResult } from './chaos.ts';

const { seed } = createRandom(
  process.env['CHAOS_SEED'] === undefined ? undefined : Number(process.env['CHAOS_SEED']),
);
const seconds = Number(process.env['CHAOS_SECONDS'] ?? 60);
/** Start, the last act, healing and the comparison. */
const besidesS = 240;

describe(`chaos of ${seconds} s with seed ${seed}`, () => {
  let result: ChaosResult;

  beforeAll(
    async () => {
      result = await runChaos({ seed, seconds, say: (line) => void process.stdout.write(`${line}\n`) });
    },
    (seconds + besidesS) * 1_000,
  );

  it.each([
    ['one (generation, symbol, seq) is one payload everywhere, and no tick is counted twice', 'conflicts'],
    ['no client has a hole, a repeat or a fall that nobody told of', 'holes'],
    ['the epoch never falls within a generation', 'epochs'],
    ["every client's last values are the store's", 'finals'],
    ['every accepted push is there exactly once', 'pushes'],
    ['nothing crashed', 'crashes'],
  ] as const)('%s', (_rule, faults) => {
    expect(result[faults]).toEqual([]);
  });

  it('there was enough to compare', () => {
    expect(result.ticks).toBeGreaterThan(seconds * 100);
    expect(result.accepted).toBeGreaterThan(seconds);
  });
});
