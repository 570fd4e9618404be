/**
 * The lease as one hash in Redis without a TTL: compare-and-set in scripts, so that two replicas that saw the same
 * record cannot both take it. Knows no clock; when to take is the election's business.
 */
import type { Lease, LeaseRecord, Message, Messages } from '../contract.ts';
import type { Commands } from './commands.ts';
import type { Keys } from './keys.ts';

// The epoch goes beyond the one that claimed the store, so that a lost lease record does not lock everyone out of it.
const take = `
local record = redis.call('HMGET', KEYS[1], 'holder', 'epoch', 'beat')
if (record[1] or '') ~= ARGV[1] or (record[2] or '0') ~= ARGV[2] or (record[3] or '0') ~= ARGV[3] then
  return false
end
local claimed = tonumber(redis.call('HGET', KEYS[2], 'epoch') or 0)
local epoch = math.max(tonumber(ARGV[2]), claimed, tonumber(ARGV[5])) + 1
redis.call('HSET', KEYS[1], 'holder', ARGV[4], 'epoch', epoch)
return {epoch, redis.call('HINCRBY', KEYS[1], 'beat', 1)}
`;

const beat = `
local record = redis.call('HMGET', KEYS[1], 'holder', 'epoch')
if record[1] ~= ARGV[1] or record[2] ~= ARGV[2] then return 0 end
redis.call('HINCRBY', KEYS[1], 'beat', 1)
return 1
`;

const release = `
local record = redis.call('HMGET', KEYS[1], 'holder', 'epoch')
if record[1] ~= ARGV[1] or record[2] ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], 'holder', '')
redis.call('PUBLISH', ARGV[3], ARGV[4])
return 1
`;

/** What the lease is made of. */
export interface RedisLeaseOptions {
  /** This node's id, the holder of what it takes. */
  node: string;
  keys: Keys;
  commands: Commands;
  messages: Pick<Messages, 'onMessage'>;
  /** This process, as messages name it. */
  life: string;
  /** What a take's epoch must be beyond, as far as this node knows: the log may outlive the record. */
  epochFloor: () => number;
}

/** The topic of the message that a release sends to all. */
const releasedTopic = 'released';

/** Every call is one script. */
export function createRedisLease({
  node,
  keys,
  commands,
  messages,
  life,
  epochFloor,
}: RedisLeaseOptions): Lease {
  const released: Message = { from: life, topic: releasedTopic, payload: null };

  return {
    async read(): Promise<LeaseRecord> {
      const reply = await commands.run(['HMGET', keys.lease, 'holder', 'epoch', 'beat']);
      const [holder, epoch, beats] = Array.isArray(reply) ? reply : [];
      return { holder: holder ? String(holder) : null, epoch: Number(epoch ?? 0), beat: Number(beats ?? 0) };
    },
    async take(seen) {
      const reply = await commands.runScript(
        take,
        [keys.lease, keys.log.meta],
        [seen.holder ?? '', String(seen.epoch), String(seen.beat), node, String(epochFloor())],
      );
      if (!Array.isArray(reply)) return null;
      return { holder: node, epoch: Number(reply[0]), beat: Number(reply[1]) };
    },
    async beat(epoch) {
      return (await commands.runScript(beat, [keys.lease], [node, String(epoch)])) === 1;
    },
    async release(epoch) {
      const args = [node, String(epoch), keys.allChannel, JSON.stringify(released)];
      await commands.runScript(release, [keys.lease], args);
    },
    onRelease: (listener) => messages.onMessage(releasedTopic, listener),
  };
}
