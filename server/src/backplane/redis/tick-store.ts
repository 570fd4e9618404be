/**
 * The tick store in Redis: scripts assign seq and refuse other generations and older leaders. Prices pass through as
 * text and are never read there. One shard for now, of which keys.ts tells the layout.
 */
import type { Quote } from '../../../protocol/index.ts';
import { assert } from '../../support/assert.ts';
import { maxAppendTicks, onceTtlMs, type TickDraft, type TickStore } from '../contract.ts';
import { type Commands, defineScript } from './commands.ts';
import type { Keys } from './keys.ts';

// Without a generation whatever lies below it is of no known life: the new one starts with nothing.
const claim = defineScript(`
local meta = redis.call('HMGET', KEYS[1], 'gen', 'epoch')
if meta[2] and tonumber(meta[2]) > tonumber(ARGV[1]) then return false end
local gen = meta[1]
if not gen then
  gen = ARGV[2]
  redis.call('DEL', KEYS[2], KEYS[3])
end
redis.call('HSET', KEYS[1], 'gen', gen, 'epoch', ARGV[1])
return {gen, redis.call('HVALS', KEYS[3])}
`);

// ARGV: gen, epoch, then (hash, ttl) with a fourth key, then symbol and quote of each draft.
const append = defineScript(`
local meta = redis.call('HMGET', KEYS[1], 'gen', 'epoch')
if meta[1] ~= ARGV[1] then return 'generation' end
if meta[2] ~= ARGV[2] then return 'epoch' end
local once = KEYS[4]
local first = once and 5 or 3
if once then
  local before = redis.call('HMGET', once, 'hash', 'seqs')
  if before[1] then
    if before[1] ~= ARGV[3] then return 'once' end
    return {1, before[2]}
  end
end
local seqs = {}
for i = first, #ARGV, 2 do
  local seq = redis.call('HINCRBY', KEYS[2], ARGV[i], 1)
  redis.call('HSET', KEYS[3], ARGV[i], seq .. ':' .. ARGV[i + 1])
  seqs[#seqs + 1] = seq
end
local text = table.concat(seqs, ',')
if once then
  redis.call('HSET', once, 'hash', ARGV[3], 'seqs', text)
  redis.call('PEXPIRE', once, ARGV[4])
end
return {0, text}
`);

// One script, so that the generation is the one that these quotes belong to; in slices, since unpack has a limit.
const read = defineScript(`
local found = {}
for i = 1, #ARGV, 1000 do
  local last = math.min(i + 999, #ARGV)
  for _, quote in ipairs(redis.call('HMGET', KEYS[2], unpack(ARGV, i, last))) do
    if quote then found[#found + 1] = quote end
  end
end
return {redis.call('HGET', KEYS[1], 'gen'), found}
`);

/** What the store is made of. */
export interface RedisTickStoreOptions {
  keys: Keys;
  commands: Commands;
  /** Gives a fresh generation for a store that has none. */
  makeGeneration: () => string;
}

/** Each call is one script, so that it happens whole or not at all. */
export function createRedisTickStore({ keys, commands, makeGeneration }: RedisTickStoreOptions): TickStore {
  const { meta, heads, quotes } = keys;
  return {
    async claim(epoch) {
      const reply = await commands.runScript(claim, [meta, heads, quotes], [String(epoch), makeGeneration()]);
      if (!Array.isArray(reply)) return { ok: false, reason: 'epoch' };
      const gen = String(reply[0]);
      return { ok: true, gen, quotes: parseQuotes(gen, reply[1]) };
    },

    async append({ gen, epoch, drafts, once }) {
      assert(drafts.length <= maxAppendTicks, `an append has at most ${maxAppendTicks} ticks`);
      const names = [meta, heads, quotes];
      const args = [gen, String(epoch)];
      if (once !== undefined) {
        names.push(keys.once(gen, once.id));
        args.push(once.hash, String(onceTtlMs));
      }
      for (const draft of drafts) args.push(draft.tick.symbol, quoteText(draft));
      const reply = await commands.runScript(append, names, args);
      if (reply === 'generation' || reply === 'epoch' || reply === 'once') {
        return { ok: false, reason: reply };
      }
      assert(Array.isArray(reply), 'the append script answers with a reason or a list');
      const seqs = String(reply[1]);
      return { ok: true, seqs: seqs === '' ? [] : seqs.split(',').map(Number), replayed: reply[0] === 1 };
    },

    async quotes(symbols) {
      const reply = await commands.runScript(read, [meta, quotes], symbols);
      const [gen, found] = Array.isArray(reply) ? reply : [];
      if (typeof gen !== 'string') return { gen: null, quotes: [] };
      return { gen, quotes: parseQuotes(gen, found) };
    },
  };
}

/** A quote without what the script adds, `seq`, and what the whole store shares, `gen`. */
type StoredQuote = Omit<Quote, 'gen' | 'seq' | 'stale'>;

function quoteText({ tick, day }: TickDraft): string {
  return JSON.stringify({
    symbol: tick.symbol,
    price: tick.price,
    size: tick.size,
    ts: tick.ts,
    open: day.open,
    high: day.high,
    low: day.low,
    volume: day.volume,
    prevClose: day.prevClose,
  });
}

function parseQuotes(gen: string, stored: unknown): Quote[] {
  return Array.isArray(stored) ? stored.map((text) => parseQuote(gen, String(text))) : [];
}

function parseQuote(gen: string, text: string): Quote {
  const colon = text.indexOf(':');
  const quote: StoredQuote = JSON.parse(text.slice(colon + 1));
  return { ...quote, gen, seq: Number(text.slice(0, colon)), stale: false };
}
