/**
 * The scripts of the tick store; keys.ts tells the layout. Each is one step: it happens whole or not at all. Prices pass
 * through them as text and are never read.
 *
 * A shard is of one life of one server, by the server's own `run_id`: after a restart or a failover the newest entries may be
 * lost, and their seqs would be given a second time. INFO alone tells a script of it.
 */
import { defineScript } from './commands.ts';

/**
 * KEYS: meta, heads, quotes, sourceSeqs. ARGV: epoch, a fresh generation. Gives the claimed epoch where it refuses, else the
 * generation and three hashes: quotes, heads, sourceSeqs. Each history of an earlier generation goes with the first
 * tick of its symbol in this one: to look for them all here would hold Redis up, and none is read behind its head.
 */
export const claimScript = defineScript(`
local meta = redis.call('HMGET', KEYS[1], 'gen', 'epoch', 'run')
if meta[2] and tonumber(meta[2]) > tonumber(ARGV[1]) then return tonumber(meta[2]) end
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
local gen = meta[1]
if not gen or meta[3] ~= run then
  redis.call('DEL', KEYS[1], KEYS[2])
  -- Without a generation whatever lies below is of no known life: nothing of it is kept.
  if not gen then redis.call('DEL', KEYS[3], KEYS[4]) end
  gen = ARGV[2]
end
redis.call('HSET', KEYS[1], 'gen', gen, 'epoch', ARGV[1], 'run', run)
return {gen, redis.call('HGETALL', KEYS[3]), redis.call('HGETALL', KEYS[2]), redis.call('HGETALL', KEYS[4])}
`);

/**
 * KEYS: meta, heads, quotes, sourceSeqs, once (or meta again), then the history of each draft. ARGV: gen, epoch, batch id,
 * most ticks in a history, hash of once (or empty), its time to live, then symbol, source number (or empty), tick and day of
 * each draft. Gives a reason where it refuses, else whether it was counted before, and the seqs, 0 for one that was dropped.
 *
 * The look at \`run_id\` costs 3.9 µs an append; reading it out of the text by a pattern would cost 6.0 (Redis 7.0, mean of
 * 5,000 runs by \`INFO commandstats\`, less an empty script). Heads and quotes are read and written for all drafts at once,
 * and a history is cut when it is an eighth too long: 6.3 µs a tick among 200, where it was 7.9 with calls for each.
 */
export const appendScript = defineScript(`
local meta = redis.call('HMGET', KEYS[1], 'gen', 'epoch', 'run', 'batch', 'seqs', 'floor')
if meta[1] ~= ARGV[1] then return 'generation' end
if not string.find(redis.call('INFO', 'server'), 'run_id:' .. meta[3], 1, true) then return 'generation' end
if meta[2] ~= ARGV[2] then return 'epoch' end
if meta[4] == ARGV[3] then return {1, meta[5]} end
local once = ARGV[5] ~= ''
if once then
  local before = redis.call('HMGET', KEYS[5], 'hash', 'seqs')
  if before[1] then
    if before[1] ~= ARGV[5] then return 'once' end
    return {1, before[2]}
  end
end
local most = tonumber(ARGV[4])
local symbols, seqs, heads, quotes, known = {}, {}, {}, {}, {}
for i = 7, #ARGV, 4 do symbols[#symbols + 1] = ARGV[i] end
if #symbols > 0 then
  local found = redis.call('HMGET', KEYS[2], unpack(symbols))
  for i, symbol in ipairs(symbols) do
    known[symbol] = found[i]
    heads[symbol] = tonumber(found[i] or meta[6] or 0)
  end
end
-- Redis looks at its memory before a script's first write alone, and only where that write could take some.
redis.call('HSET', KEYS[1], 'gen', ARGV[1])
for i = 7, #ARGV, 4 do
  local place, symbol, number = (i - 3) / 4, ARGV[i], ARGV[i + 1]
  local seq = 0
  local taken = number ~= '' and redis.call('HGET', KEYS[4], symbol)
  if not taken or tonumber(number) > tonumber(taken) then
    seq = heads[symbol] + 1
    heads[symbol] = seq
    quotes[symbol] = ARGV[i + 2] .. '\\n' .. ARGV[i + 3]
    if number ~= '' then redis.call('HSET', KEYS[4], symbol, number) end
    local history = KEYS[5 + place]
    if not known[symbol] then redis.call('UNLINK', history) end
    known[symbol] = true
    if most > 0 and redis.call('RPUSH', history, seq .. ':' .. ARGV[i + 2]) > most * 1.125 then
      redis.call('LTRIM', history, -most, -1)
    end
  end
  seqs[place] = seq
end
local moved, told = {}, {}
for symbol, quote in pairs(quotes) do
  moved[#moved + 1] = symbol
  moved[#moved + 1] = heads[symbol]
  told[#told + 1] = symbol
  told[#told + 1] = quote
end
if #moved > 0 then
  redis.call('HSET', KEYS[2], unpack(moved))
  redis.call('HSET', KEYS[3], unpack(told))
end
local text = table.concat(seqs, ',')
redis.call('HSET', KEYS[1], 'batch', ARGV[3], 'seqs', text)
if once then
  redis.call('HSET', KEYS[5], 'hash', ARGV[5], 'seqs', text)
  redis.call('PEXPIRE', KEYS[5], ARGV[6])
end
return {0, text}
`);

/**
 * KEYS: meta, heads, quotes, sourceSeqs, then the history of each symbol that goes. ARGV: gen, epoch, then those of the symbols
 * of which all goes. Gives 1, or 0 where gen or epoch is another one. What frees memory comes first, as Redis may have none.
 */
export const retireScript = defineScript(`
local meta = redis.call('HMGET', KEYS[1], 'gen', 'epoch', 'run', 'floor')
if meta[1] ~= ARGV[1] or meta[2] ~= ARGV[2] then return 0 end
if not string.find(redis.call('INFO', 'server'), 'run_id:' .. meta[3], 1, true) then return 0 end
for i = 5, #KEYS do redis.call('UNLINK', KEYS[i]) end
local floor = tonumber(meta[4] or 0)
for i = 3, #ARGV do
  floor = math.max(floor, tonumber(redis.call('HGET', KEYS[2], ARGV[i]) or 0))
  for key = 2, 4 do redis.call('HDEL', KEYS[key], ARGV[i]) end
end
if #ARGV > 2 then redis.call('HSET', KEYS[1], 'floor', floor) end
return 1
`);

/**
 * KEYS: meta, heads, quotes, then the history of each symbol. ARGV: symbol, gen (or empty), seq and most missed ticks of each.
 * Gives nothing where the shard is empty or was not claimed in this life of the server, else gen, and of each symbol: head,
 * quote, and the ticks behind the head, or their number where they are none, too many, or of another generation (-1).
 */
export const readScript = defineScript(`
local meta = redis.call('HMGET', KEYS[1], 'gen', 'run')
if not meta[1] then return false end
if not string.find(redis.call('INFO', 'server'), 'run_id:' .. meta[2], 1, true) then return false end
local symbols = {}
for i = 1, #ARGV, 4 do symbols[#symbols + 1] = ARGV[i] end
local heads = redis.call('HMGET', KEYS[2], unpack(symbols))
local missed = {}
for i = 1, #symbols do
  local head, a = tonumber(heads[i] or 0), i * 4 - 2
  local behind = ARGV[a] == meta[1] and head - tonumber(ARGV[a + 1]) or -1
  if behind > 0 and behind <= tonumber(ARGV[a + 2]) then
    missed[i] = redis.call('LRANGE', KEYS[3 + i], -behind, -1)
  else
    missed[i] = behind
  end
end
return {meta[1], heads, redis.call('HMGET', KEYS[3], unpack(symbols)), missed}
`);
