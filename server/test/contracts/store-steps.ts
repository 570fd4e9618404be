/** The steps that tests of the tick store are made of: leading a shard, drafts of ticks, and reading one symbol. */
import { randomUUID } from 'node:crypto';
import type {
  Append,
  AppendOutcome,
  ReadRequest,
  StoredSymbol,
  TickDraft,
} from '../../src/backplane/contract.ts';
import type { BackplaneDriver } from './backplane-driver.ts';
import { claim } from './contract-stage.ts';

/** A term on one shard. */
export interface Term {
  node: BackplaneDriver;
  shard: number;
  epoch: number;
  gen: string;
  /** Appends under a fresh batch id, or as `more` says. */
  append(drafts: TickDraft[], more?: Partial<Append>): Promise<AppendOutcome>;
}

/** Claims the shard for that term and appends for it. */
export async function lead(node: BackplaneDriver, epoch: number, shard = 0): Promise<Term> {
  const { gen } = await claim(node, epoch, shard);
  return {
    node,
    shard,
    epoch,
    gen,
    append: (drafts, more = {}) =>
      node.tickStore.append(shard, { gen, epoch, batchId: randomUUID(), drafts, ...more }),
  };
}

/** A tick of that price on a day that saw no other. */
export function draft(symbol: string, price: string, sourceSeq?: number): TickDraft {
  return {
    tick: { symbol, price, ts: 1 },
    day: { open: price, high: price, low: price, volume: '0' },
    ...(sourceSeq !== undefined && { sourceSeq }),
  };
}

/** That many ticks of one symbol, with prices from `from` on. */
export function draftsOf(symbol: string, count: number, from = 1): TickDraft[] {
  return Array.from({ length: count }, (_, index) => draft(symbol, String(from + index)));
}

/** What an append gives that was counted now. */
export function counted(seqs: (number | null)[]): AppendOutcome {
  return { ok: true, seqs, replayed: false };
}

/** What an append gives that was counted before. */
export function replayed(seqs: (number | null)[]): AppendOutcome {
  return { ok: true, seqs, replayed: true };
}

/** Reads one symbol. */
export async function readOne(
  { tickStore }: BackplaneDriver,
  symbol: string,
  more: Omit<ReadRequest, 'symbol'> = {},
): Promise<StoredSymbol> {
  const [stored] = await tickStore.read([{ symbol, ...more }]);
  if (stored === undefined) throw new Error('a read gives one answer for each request');
  return stored;
}

/** The prices of what was missed since that seq, or null. */
export async function missedSince(
  { node, gen }: Term,
  symbol: string,
  seq: number,
  more: Pick<ReadRequest, 'maxMissed'> = {},
): Promise<string[] | null> {
  const { missed } = await readOne(node, symbol, { after: [gen, seq], ...more });
  return missed?.map(({ price }) => price) ?? null;
}
