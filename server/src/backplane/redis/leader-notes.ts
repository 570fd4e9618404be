/** The leaders' notes as one hash in Redis, beside the lease: who lost it writes no more. Knows nothing of what they say. */
import type { LeaderNotes } from '../contract.ts';
import { type Commands, defineScript } from './commands.ts';
import type { Keys } from './keys.ts';

const write = defineScript(`
if redis.call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[2], ARGV[2], ARGV[3])
return 1
`);

/** What the notes are made of. */
export interface RedisLeaderNotesOptions {
  keys: Keys;
  commands: Commands;
}

/** Each call is one step in Redis. */
export function createRedisLeaderNotes({ keys, commands }: RedisLeaderNotesOptions): LeaderNotes {
  return {
    async read(name) {
      const text = await commands.run(['HGET', keys.notes, name]);
      return typeof text === 'string' ? text : null;
    },
    async write(epoch, name, text) {
      return (await commands.runScript(write, [keys.lease, keys.notes], [String(epoch), name, text])) === 1;
    },
  };
}
