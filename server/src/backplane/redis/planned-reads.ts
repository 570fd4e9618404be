/** Splits a read into scripts: one shard each, and none so long that it holds Redis up. Knows no Redis. */
import type { Position } from '../../../protocol/index.ts';
import type { ReadRequest } from '../contract.ts';

/** One script's part of a read. */
export interface PlannedRead {
  shard: number;
  requests: PlannedRequest[];
}

/** One symbol's part; `place` is its index in the whole read. */
export interface PlannedRequest {
  place: number;
  symbol: string;
  /** Null where nothing is asked, or what no position can be. */
  after: Position | null;
  /** Most missed ticks that are of use. */
  most: number;
}

/** Missed ticks that one script may read: Redis takes half a millisecond for them (0.28 µs each, with their way out). */
export const maxReadInScript = 2_000;
/** What a symbol costs beside them, in ticks. */
export const symbolCost = 8;

/** Where symbols are, and how many ticks of each are kept: more are never read. */
export interface PlannedReadsOptions {
  shardOf: (symbol: string) => number;
  historyTicks: number;
}

/** In the order of the requests within each shard. */
export function createPlannedReads(
  requests: readonly ReadRequest[],
  { shardOf, historyTicks }: PlannedReadsOptions,
): PlannedRead[] {
  const planned: PlannedRead[] = [];
  const open = new Map<number, { read: PlannedRead; size: number }>();
  for (const [place, { symbol, after: asked, maxMissed = historyTicks }] of requests.entries()) {
    const shard = shardOf(symbol);
    const after = asked !== undefined && Number.isSafeInteger(asked[1]) && asked[1] >= 0 ? asked : null;
    const most = after === null ? 0 : Math.min(maxMissed, historyTicks);
    const size = symbolCost + most;
    let part = open.get(shard);
    if (part === undefined || part.size + size > maxReadInScript) {
      part = { read: { shard, requests: [] }, size: 0 };
      open.set(shard, part);
      planned.push(part.read);
    }
    part.read.requests.push({ place, symbol, after, most });
    part.size += size;
  }
  return planned;
}
