/**
 * Users' seats in Redis: each node's are a hash of their own, so that a node is forgotten in one step with all it had, and
 * a seat counts while its node is among the beats. Each call is one script: it happens whole or not at all. Knows no
 * clock; when a node is to be forgotten is for the others to judge.
 */
import { makeGeneration } from '../../log/generation.ts';
import { assert } from '../../support/assert.ts';
import { maxSeatsPerCall, type Seat, type SeatOutcome, type UserSeats } from '../contract.ts';
import type { Commands } from './commands.ts';
import type { Keys } from './keys.ts';

/**
 * KEYS: meta, beats. ARGV: generation, node. Redis that was restarted or failed over may have lost the newest seats: by its
 * `run_id` what it holds is then of another life, as in the log.
 */
const unlessKnown = `
local meta = redis.call('HMGET', KEYS[1], 'gen', 'run')
if meta[1] ~= ARGV[1] then return false end
if not string.find(redis.call('INFO', 'server'), 'run_id:' .. meta[2], 1, true) then return false end
if redis.call('HEXISTS', KEYS[2], ARGV[2]) == 0 then return false end
`;

// KEYS: meta, beats, held and lost without the node. ARGV: a fresh generation, node.
const enter = `
local meta = redis.call('HMGET', KEYS[1], 'gen', 'run')
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
local gen = meta[1]
if not gen or meta[2] ~= run then
  for _, node in ipairs(redis.call('HKEYS', KEYS[2])) do redis.call('UNLINK', KEYS[3] .. node, KEYS[4] .. node) end
  redis.call('DEL', KEYS[1], KEYS[2])
  gen = ARGV[1]
  redis.call('HSET', KEYS[1], 'gen', gen, 'run', run)
end
redis.call('UNLINK', KEYS[3] .. ARGV[2], KEYS[4] .. ARGV[2])
redis.call('HSET', KEYS[2], ARGV[2], -redis.call('HINCRBY', KEYS[1], 'beat', 1))
return gen
`;

// KEYS: and lost of the node. ARGV: and the noted seats.
const beat = `${unlessKnown}
for i = 3, #ARGV do redis.call('SREM', KEYS[3], ARGV[i]) end
redis.call('HSET', KEYS[2], ARGV[2], redis.call('HINCRBY', KEYS[1], 'beat', 1))
return {redis.call('HGETALL', KEYS[2]), redis.call('SMEMBERS', KEYS[3])}
`;

// KEYS: and held and lost without the node. ARGV: and the limit (or -1), then user, cid and id of each. Gives 0 where there
// is no seat, else the node and id of the one that was taken over, or 1.
const take = `${unlessKnown}
local nodes = redis.call('HKEYS', KEYS[2])
local max, outcomes = tonumber(ARGV[3]), {}
for i = 4, #ARGV, 3 do
  local user, cid, id = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  local count, from, old, rest = 0, nil, nil, nil
  for _, node in ipairs(nodes) do
    local others, isThere = '', false
    for itsCid, itsId in string.gmatch(redis.call('HGET', KEYS[3] .. node, user) or '', '(%S+) (%S+)\\n') do
      if itsCid == cid then
        from, old, isThere = node, itsId, true
      else
        count = count + 1
        others = others .. itsCid .. ' ' .. itsId .. '\\n'
      end
    end
    if isThere then rest = others end
  end
  if not from and max >= 0 and count >= max then
    outcomes[#outcomes + 1] = 0
  else
    if from and rest == '' then redis.call('HDEL', KEYS[3] .. from, user) end
    if from and rest ~= '' then redis.call('HSET', KEYS[3] .. from, user, rest) end
    if from and from ~= ARGV[2] then redis.call('SADD', KEYS[4] .. from, old) end
    local own = redis.call('HGET', KEYS[3] .. ARGV[2], user) or ''
    redis.call('HSET', KEYS[3] .. ARGV[2], user, own .. cid .. ' ' .. id .. '\\n')
    outcomes[#outcomes + 1] = from and {from, old} or 1
  end
end
return outcomes
`;

// KEYS: and held of the node. ARGV: and user, cid and id of each.
const leave = `${unlessKnown}
for i = 3, #ARGV, 3 do
  local rest, isThere = '', false
  for cid, id in string.gmatch(redis.call('HGET', KEYS[3], ARGV[i]) or '', '(%S+) (%S+)\\n') do
    if cid == ARGV[i + 1] and id == ARGV[i + 2] then isThere = true
    else rest = rest .. cid .. ' ' .. id .. '\\n' end
  end
  if isThere and rest == '' then redis.call('HDEL', KEYS[3], ARGV[i]) end
  if isThere and rest ~= '' then redis.call('HSET', KEYS[3], ARGV[i], rest) end
end
return 1
`;

// KEYS: and held and lost of the node. ARGV: and its beat, or nothing where that does not matter.
const forget = `${unlessKnown}
if ARGV[3] and redis.call('HGET', KEYS[2], ARGV[2]) ~= ARGV[3] then return 0 end
redis.call('HDEL', KEYS[2], ARGV[2])
redis.call('UNLINK', KEYS[3], KEYS[4])
return 1
`;

/** What the seats are made of. */
export interface RedisUserSeatsOptions {
  /** This process's name among the nodes, which no other ever has. */
  node: string;
  keys: Keys['seats'];
  commands: Commands;
}

/** The contract's seats, one script a call. More seats than `maxSeatsPerCall` in a call are a bug, and reject. */
export function createRedisUserSeats({ node, keys, commands }: RedisUserSeatsOptions): UserSeats {
  const { meta, beats, held, lost } = keys;
  const known = [meta, beats];

  return {
    node,
    enter: async () =>
      String(await commands.runScript(enter, [...known, held, lost], [makeGeneration(), node])),

    async beat(gen, noted) {
      const reply = await commands.runScript(beat, [...known, lost + node], [gen, node, ...noted]);
      if (!Array.isArray(reply)) return null;
      const [pairs, ids] = reply.map(textsOf);
      const found = new Map<string, number>();
      for (let index = 0; index < (pairs?.length ?? 0); index += 2)
        found.set(pairs?.[index] ?? '', Number(pairs?.[index + 1]));
      return { beats: found, lost: ids ?? [] };
    },

    async take(gen, seats, max = -1) {
      const args = [gen, node, String(max), ...argsOf(seats)];
      const reply = await commands.runScript(take, [...known, held, lost], args);
      return Array.isArray(reply) ? reply.map(parseOutcome) : null;
    },

    async leave(gen, seats) {
      await commands.runScript(leave, [...known, held + node], [gen, node, ...argsOf(seats)]);
    },

    async forget(gen, other, itsBeat) {
      await commands.runScript(forget, [...known, held + other, lost + other], [gen, other, String(itsBeat)]);
    },

    async exit(gen) {
      await commands.runScript(forget, [...known, held + node, lost + node], [gen, node]);
    },
  };
}

function argsOf(seats: readonly Seat[]): string[] {
  assert(seats.length <= maxSeatsPerCall, 'a call has so many seats and no more');
  return seats.flatMap(({ user, cid, id }) => [user, cid, id]);
}

function parseOutcome(reply: unknown): SeatOutcome {
  if (reply === 0) return { ok: false };
  if (!Array.isArray(reply)) return { ok: true, replaced: null };
  const [node = '', id = ''] = textsOf(reply);
  return { ok: true, replaced: { node, id } };
}

function textsOf(reply: unknown): string[] {
  assert(Array.isArray(reply), 'a script of the seats answers with lists');
  return reply.map(String);
}
