/** The tick store in the memory of the primary: its shards, behind the contract's calls answered at once. */
import { assert } from '../../support/assert.ts';
import type { Append, AppendOutcome, Claim, ReadRequest, Retirement, StoredSymbol } from '../contract.ts';
import { assertAppend, assertRetirement, createShardOf } from '../shard-of.ts';
import { storeDefaults, type StoreSettings } from '../store-settings.ts';
import { createMemoryShard, type MemoryShard, type MemoryShardOptions } from './memory-shard.ts';

interface MemoryTickStoreOptions extends Partial<StoreSettings>, Pick<MemoryShardOptions, 'clock'> {
  /** How many `once` ids a shard remembers; beyond it the oldest is forgotten before its time. */
  maxOnceIds?: number;
}

/** The contract's `TickStore`, answered at once. */
export interface MemoryTickStore {
  readonly shards: number;
  shardOf(symbol: string): number;
  claim(shard: number, epoch: number): Claim;
  append(shard: number, append: Append): AppendOutcome;
  retire(shard: number, retirement: Retirement): boolean;
  read(requests: readonly ReadRequest[]): StoredSymbol[];
}

/** An empty store; the generation of each shard begins with its first claim. */
export function createMemoryTickStore({
  clock,
  shards: count = storeDefaults.shards,
  historyTicks = storeDefaults.historyTicks,
  maxOnceIds = 10_000,
}: MemoryTickStoreOptions): MemoryTickStore {
  const shardOf = createShardOf(count);
  const shards = Array.from({ length: count }, () => createMemoryShard({ clock, historyTicks, maxOnceIds }));

  function at(index: number): MemoryShard {
    const shard = shards[index];
    assert(shard !== undefined, `there is no shard ${index}`);
    return shard;
  }

  return {
    shards: count,
    shardOf,
    claim: (shard, epoch) => at(shard).claim(epoch),
    append(shard, append) {
      assertAppend(shard, append, shardOf);
      return at(shard).append(append);
    },
    retire(shard, retirement) {
      assertRetirement(shard, retirement, shardOf);
      return at(shard).retire(retirement);
    },
    read: (requests) => requests.map((request) => at(shardOf(request.symbol)).read(request)),
  };
}
