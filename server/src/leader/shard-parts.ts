/** Ticks parted by the shard that they belong to, and the outcomes of the parts as one. Pure. */
import { refusal } from '../../protocol/index.ts';
import type { TickStore } from '../backplane/contract.ts';
import type { SourceTick } from './draft.ts';
import type { PushOutcome } from './lane.ts';

/** The ticks of one shard, and their places in the whole, in their order. */
export interface ShardPart {
  ticks: SourceTick[];
  places: number[];
}

/** Gives the parts by shard. */
export function partsByShard(
  ticks: readonly SourceTick[],
  tickStore: Pick<TickStore, 'shardOf'>,
): Map<number, ShardPart> {
  const parts = new Map<number, ShardPart>();
  for (const [place, tick] of ticks.entries()) {
    const shard = tickStore.shardOf(tick.symbol);
    const part = parts.get(shard) ?? { ticks: [], places: [] };
    part.ticks.push(tick);
    part.places.push(place);
    parts.set(shard, part);
  }
  return parts;
}

/**
 * One outcome of the parts of a push: refused where any part was. A part that was taken is not taken back, and `once` keeps it
 * from counting again; so a push that was taken in part and may be sent again is unconfirmed.
 */
export function joinOutcomes(
  count: number,
  places: readonly number[][],
  outcomes: readonly PushOutcome[],
): PushOutcome {
  const refusals = outcomes.flatMap((outcome) => (outcome.ok ? [] : [outcome.refusal]));
  const [why] = refusals;
  if (why !== undefined) {
    const mayBeTakenInPart =
      refusals.length < outcomes.length || refusals.some(({ name }) => name === 'push_unconfirmed');
    return {
      ok: false,
      refusal: mayBeTakenInPart && why.retry === 'later' ? refusal('push_unconfirmed') : why,
    };
  }
  const ticks = Array.from<{ symbol: string; gen: string; seq: number }>({ length: count });
  let replayed = false;
  for (const [part, outcome] of outcomes.entries()) {
    if (!outcome.ok) continue;
    replayed ||= outcome.replayed;
    for (const [index, place] of (places[part] ?? []).entries()) {
      const tick = outcome.ticks[index];
      if (tick !== undefined) ticks[place] = tick;
    }
  }
  return { ok: true, replayed, ticks };
}
