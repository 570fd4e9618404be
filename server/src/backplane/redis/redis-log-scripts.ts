/**
 * The scripts of the log in Redis. Each is one step: it happens as a whole or not at all. The keys, in this order, share one slot:
 * meta    hash: gen, epoch (the claimed one), owner (the process that claimed it), run (the server that it was claimed on), number (of
 *         the last batch), floor
 * quotes  hash: symbol to its last quote, as JSON. It outlives the generation
 * batches stream: one entry per batch, with the batch's number as its id
 * notes   hash: `LogNotes` by name, as JSON. It outlives the generation
 * Prices pass through the scripts as text and are never read.
 */

/**
 * ARGV: epoch, name of the claiming process, a fresh generation, gen and number that the process has read. Returns the claimed epoch if
 * the claim is refused, else the generation and the last number. After a restart or a failover of Redis the newest batches may be lost,
 * and their seqs would be given a second time. The server's `run_id` and replication id show it, and so does a number below one that
 * was read.
 */
export const claimScript = `
local meta = redis.call('HMGET', KEYS[1], 'gen', 'epoch', 'owner', 'run', 'number')
local claimed, epoch = tonumber(meta[2] or 0), tonumber(ARGV[1])
if claimed > epoch or (claimed == epoch and meta[3] ~= ARGV[2]) then return claimed end
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
run = run .. ' ' .. (string.match(redis.call('INFO', 'replication'), 'master_replid:(%w+)') or '')
local gen, number = meta[1], meta[5]
local isBehind = gen == ARGV[4] and tonumber(number) < tonumber(ARGV[5])
if not gen or meta[4] ~= run or isBehind then
  redis.call('DEL', KEYS[1], KEYS[3])
  gen, number = ARGV[3], '0'
end
redis.call('HSET', KEYS[1], 'gen', gen, 'epoch', ARGV[1], 'owner', ARGV[2], 'run', run, 'number', number)
return {gen, number}
`;

/**
 * Further KEYS: one per push. ARGV: gen, epoch, number, message, its channel, number of the oldest batch to keep, time to live of pushes,
 * then how many of each and: quotes as symbol and text, notes as name and text, forgotten symbols, and per push its text. Returns a
 * reason if it refuses, or the places and texts of the pushes that it knows, or 'ok'.
 */
export const appendScript = `
local meta = redis.call('HMGET', KEYS[1], 'gen', 'epoch', 'number', 'floor')
if meta[1] ~= ARGV[1] then return 'generation' end
if meta[2] ~= ARGV[2] then return 'epoch' end
if meta[3] == ARGV[3] then return 'ok' end
if tonumber(ARGV[3]) ~= tonumber(meta[3]) + 1 then return 'number' end
local known = {}
for i = 5, #KEYS do
  local text = redis.call('GET', KEYS[i])
  if text then
    known[#known + 1] = i - 5
    known[#known + 1] = text
  end
end
if #known > 0 then return known end
-- Redis checks its memory limit at the first write of a script only.
redis.call('HSET', KEYS[1], 'number', ARGV[3])
redis.call('XADD', KEYS[3], ARGV[3] .. '-0', 'batch', ARGV[4])
redis.call('XTRIM', KEYS[3], 'MINID', ARGV[6] .. '-0')
local at = 8
local function list(width)
  local from, count = at + 1, tonumber(ARGV[at]) * width
  at = from + count
  return from, from + count - 1
end
-- A call of Lua takes some thousand values at most.
local function each(command, key, from, to)
  for i = from, to, 1000 do redis.call(command, key, unpack(ARGV, i, math.min(i + 999, to))) end
end
local from, to = list(2)
each('HSET', KEYS[2], from, to)
from, to = list(2)
each('HSET', KEYS[4], from, to)
from, to = list(1)
each('HDEL', KEYS[2], from, to)
if to >= from then redis.call('HSET', KEYS[1], 'floor', ARGV[at]) end
at = at + 1
for i = 5, #KEYS do redis.call('SET', KEYS[i], ARGV[at + i - 5], 'PX', ARGV[7]) end
redis.call('PUBLISH', ARGV[5], ARGV[4])
return 'ok'
`;

/** Returns nothing if the log was never claimed, else gen, number, id of the oldest batch (or nothing), floor, quotes and notes. */
export const stateScript = `
local meta = redis.call('HMGET', KEYS[1], 'gen', 'number', 'floor')
if not meta[1] then return false end
local first = redis.call('XRANGE', KEYS[3], '-', '+', 'COUNT', 1)
local oldest = first[1] and first[1][1] or ''
return {meta[1], meta[2], oldest, meta[3] or '0', redis.call('HVALS', KEYS[2]), redis.call('HGETALL', KEYS[4])}
`;

/** ARGV: gen, number, how many and how many bytes at most. Returns the messages after that number, or nothing if the next one is gone. */
export const readAfterScript = `
local meta = redis.call('HMGET', KEYS[1], 'gen', 'number')
if meta[1] ~= ARGV[1] then return false end
if tonumber(ARGV[2]) >= tonumber(meta[2]) then return {} end
local id = string.format('%d-0', tonumber(ARGV[2]) + 1)
local found = redis.call('XRANGE', KEYS[3], id, '+', 'COUNT', ARGV[3])
if not found[1] or found[1][1] ~= id then return false end
local messages, bytes = {}, 0
for i, entry in ipairs(found) do
  bytes = bytes + #entry[2][2]
  if i > 1 and bytes > tonumber(ARGV[4]) then break end
  messages[i] = entry[2][2]
end
return messages
`;
