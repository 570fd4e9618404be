/**
 * Where a symbol belongs: the one rule that every replica and both homes follow. Stable for ever, since heads and history
 * of a symbol stay where it was first written.
 */
import { assert } from '../support/assert.ts';
import { maxAppendTicks, type Append, type Retirement } from './contract.ts';

const offsetBasis = 0x81_1c_9d_c5;
const prime = 0x01_00_01_93;

/** FNV-1a with 32 bits, over the characters: symbols are ASCII. */
export function hashOf(symbol: string): number {
  let hash = offsetBasis;
  for (let index = 0; index < symbol.length; index++) {
    hash = Math.imul(hash ^ symbol.charCodeAt(index), prime);
  }
  return hash >>> 0;
}

/** Gives the shard of a symbol among that many, from 0. */
export function createShardOf(shards: number): (symbol: string) => number {
  assert(Number.isSafeInteger(shards) && shards >= 1, 'a store has at least one shard');
  return shards === 1 ? () => 0 : (symbol) => hashOf(symbol) % shards;
}

/** Throws where an append is not one that the contract allows: a bug of the caller. */
export function assertAppend(
  shard: number,
  { drafts, once }: Pick<Append, 'drafts' | 'once'>,
  shardOf: (symbol: string) => number,
): void {
  assert(drafts.length <= maxAppendTicks, `an append has at most ${maxAppendTicks} ticks`);
  assert(once?.hash !== '', 'a once id comes with a hash');
  for (const { tick, sourceSeq } of drafts) {
    assert(shardOf(tick.symbol) === shard, 'an append has ticks of its own shard alone');
    assert(sourceSeq === undefined || Number.isSafeInteger(sourceSeq), 'a sourceSeq is an exact integer');
  }
}

/** The same for a retirement. */
export function assertRetirement(
  shard: number,
  { retired, forgotten }: Pick<Retirement, 'retired' | 'forgotten'>,
  shardOf: (symbol: string) => number,
): void {
  const symbols = [...retired, ...forgotten];
  assert(symbols.length <= maxAppendTicks, `a retirement has at most ${maxAppendTicks} symbols`);
  for (const symbol of symbols)
    assert(shardOf(symbol) === shard, 'a retirement has symbols of its own shard alone');
}
