/**
 * The tick store in Redis: calls of the scripts that assign seq and refuse other generations and leaders. Each shard has its
 * own keys, which a Redis Cluster may keep on different servers.
 */
import type { Position, Quote, Tick } from '../../../protocol/index.ts';
import { assert } from '../../support/assert.ts';
import { onceTtlMs, type StoredSymbol, type TickStore } from '../contract.ts';
import { assertAppend, assertRetirement, createShardOf } from '../shard-of.ts';
import type { StoreSettings } from '../store-settings.ts';
import { dayText, parseQuote, parseTick, tickText, type TickName } from '../stored-tick.ts';
import type { Commands } from './commands.ts';
import type { Keys, ShardKeys } from './keys.ts';
import { createPlannedReads, type PlannedRead } from './planned-reads.ts';
import { appendScript, claimScript, readScript, retireScript } from './tick-scripts.ts';

/** What the store is made of. */
export interface RedisTickStoreOptions extends StoreSettings {
  keys: Keys;
  commands: Commands;
  /** Gives a fresh generation for a shard that needs one. */
  makeGeneration: () => string;
  /** Fires when a claim is refused, with the epoch that is claimed there. */
  onRefusedClaim: (claimed: number) => void;
}

/** Each call is one script, and a read of many symbols a few. */
export function createRedisTickStore(options: RedisTickStoreOptions): TickStore {
  const { keys, commands, makeGeneration, onRefusedClaim, shards: count, historyTicks } = options;
  const shardOf = createShardOf(count);
  const shards = Array.from({ length: count }, (_, shard) => keys.shard(shard));

  function at(index: number): ShardKeys {
    const shard = shards[index];
    assert(shard !== undefined, `there is no shard ${index}`);
    return shard;
  }

  async function runRead({ shard, requests }: PlannedRead): Promise<StoredSymbol[]> {
    const { meta, heads, quotes, histories } = at(shard);
    const names = [meta, heads, quotes];
    const args: string[] = [];
    for (const { symbol, after, most } of requests) {
      names.push(histories + symbol);
      args.push(symbol, after?.[0] ?? '', String(after?.[1] ?? 0), String(most));
    }
    const reply = await commands.runScript(readScript, names, args);
    if (reply === null) return requests.map(() => ({ gen: null, quote: null, missed: null }));
    const [gen, ...columns] = listOf(reply);
    const [headColumn, quoteColumn, missedColumn] = columns.map(listOf);
    return requests.map(({ symbol, after }, index) => {
      const head = Number(headColumn?.[index] ?? 0);
      const text = quoteColumn?.[index];
      return {
        gen: String(gen),
        quote: typeof text === 'string' ? parseEntry({ symbol, gen: String(gen), seq: head }, text) : null,
        missed: after && parseMissed(symbol, [String(gen), after[1]], head, missedColumn?.[index]),
      };
    });
  }

  return {
    shards: count,
    shardOf,

    async claim(shard, epoch) {
      const { meta, heads, quotes, sourceSeqs } = at(shard);
      const reply = await commands.runScript(
        claimScript,
        [meta, heads, quotes, sourceSeqs],
        [String(epoch), makeGeneration()],
      );
      if (typeof reply === 'number') {
        onRefusedClaim(reply);
        return { ok: false, reason: 'epoch' };
      }
      const [gen, ...hashes] = listOf(reply);
      const [quoteTexts, headTexts, sourceTexts] = hashes.map(mapOf);
      const found: Quote[] = [];
      for (const [symbol, text] of quoteTexts ?? []) {
        const seq = Number(headTexts?.get(symbol) ?? 0);
        found.push(parseEntry({ symbol, gen: String(gen), seq }, text));
      }
      const numbers = new Map<string, number>();
      for (const [symbol, text] of sourceTexts ?? []) numbers.set(symbol, Number(text));
      return { ok: true, gen: String(gen), quotes: found, sourceSeqs: numbers };
    },

    async append(shard, append) {
      assertAppend(shard, append, shardOf);
      const { gen, epoch, batchId, drafts, once } = append;
      const own = at(shard);
      const names = [own.meta, own.heads, own.quotes, own.sourceSeqs];
      names.push(once === undefined ? own.meta : own.once(gen, once.id));
      const args = [gen, String(epoch), batchId, String(historyTicks), once?.hash ?? '', String(onceTtlMs)];
      for (const draft of drafts) {
        const { symbol } = draft.tick;
        names.push(own.histories + symbol);
        args.push(symbol, String(draft.sourceSeq ?? ''), tickText(draft), dayText(draft));
      }
      const reply = await commands.runScript(appendScript, names, args);
      if (reply === 'generation' || reply === 'epoch' || reply === 'once') {
        return { ok: false, reason: reply };
      }
      const [replayed, seqs] = listOf(reply);
      return { ok: true, seqs: parseSeqs(String(seqs)), replayed: replayed === 1 };
    },

    async retire(shard, retirement) {
      assertRetirement(shard, retirement, shardOf);
      const { gen, epoch, retired, forgotten } = retirement;
      const { meta, heads, quotes, sourceSeqs, histories } = at(shard);
      const gone = [...retired, ...forgotten].map((symbol) => histories + symbol);
      const names = [meta, heads, quotes, sourceSeqs, ...gone];
      return (await commands.runScript(retireScript, names, [gen, String(epoch), ...forgotten])) === 1;
    },

    async read(requests) {
      const found: StoredSymbol[] = [];
      const planned = createPlannedReads(requests, { shardOf, historyTicks });
      const parts = await Promise.all(planned.map(runRead));
      for (const [part, { requests: own }] of planned.entries()) {
        for (const [index, { place }] of own.entries()) {
          const stored = parts[part]?.[index];
          if (stored !== undefined) found[place] = stored;
        }
      }
      return found;
    },
  };
}

/** A quote as the append script writes it: both texts, with a newline between, which JSON never has. */
function parseEntry(name: TickName, text: string): Quote {
  const end = text.indexOf('\n');
  return parseQuote(name, text.slice(0, end), text.slice(end + 1));
}

function parseSeqs(text: string): (number | null)[] {
  return text === '' ? [] : text.split(',').map((seq) => (seq === '0' ? null : Number(seq)));
}

/** Null unless the entries are exactly those that follow the position up to the head. */
function parseMissed(
  symbol: string,
  [gen, seq]: Position,
  head: number,
  reply: unknown,
): StoredSymbol['missed'] {
  if (reply === 0) return [];
  if (!Array.isArray(reply) || reply.length !== head - seq) return null;
  const ticks: Tick[] = [];
  for (const [index, entry] of reply.map(String).entries()) {
    const own = seq + 1 + index;
    const colon = entry.indexOf(':');
    if (entry.slice(0, colon) !== String(own)) return null;
    ticks.push(parseTick({ symbol, gen, seq: own }, entry.slice(colon + 1)));
  }
  return ticks;
}

function listOf(reply: unknown): unknown[] {
  assert(Array.isArray(reply), 'a script of the store answers with a list');
  return reply;
}

/** A hash, as Redis lists it. */
function mapOf(reply: unknown): Map<string, string> {
  const list = listOf(reply);
  const map = new Map<string, string>();
  for (let index = 0; index < list.length; index += 2) map.set(String(list[index]), String(list[index + 1]));
  return map;
}
