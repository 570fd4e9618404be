/**
 * Every key and channel that this backplane uses. All begin with the prefix, so that clusters can share one Redis and its access rules
 * can be written. Keys that a script uses together share a hash tag.
 */
import { assert } from '../../support/assert.ts';

/** The room that batches are emitted to. No socket is ever in it. */
export const batchRoom = 'ticks';

/** The names; what each holds is said below. */
export type Keys = ReturnType<typeof createKeys>;

/** The names below one prefix. */
export function createKeys(prefix: string) {
  // Braces would move the hash tag, and * ? [ would widen the adapter's subscription pattern.
  assert(/^[\w.:-]+$/.test(prefix), 'a Redis prefix has only letters, digits, _ . : and -');
  // One hash tag, so that a Redis Cluster keeps all of it in one slot.
  const tagged = `${prefix}:{${prefix}}`;
  const log = `${tagged}:log`;
  // Replicas of the first version speak otherwise on channels without the number.
  const channels = `${prefix}:2`;
  const seats = `${tagged}:seats`;
  return {
    /** Hash: holder, epoch and beat. In the slot of the log, so that a take can see the epoch that is claimed there. */
    lease: `${tagged}:lease`,
    /** See redis-log-scripts.ts. */
    log: {
      meta: `${log}:meta`,
      quotes: `${log}:quotes`,
      batches: `${log}:batches`,
      notes: `${log}:notes`,
      push: (id: string): string => `${log}:push:${id}`,
    },
    seats: {
      /** Hash: `gen`, `run` (the server that it was written on) and `beat`, the last beat of all nodes. */
      meta: `${seats}:meta`,
      /** Hash: node to its last beat. */
      beats: `${seats}:beats`,
      /** What the key of a node's seats begins with: a hash of user to its seats there, `cid id` and a newline each. */
      held: `${seats}:held:`,
      /** What the key of a node's lost seats begins with: a set of their ids. */
      lost: `${seats}:lost:`,
    },
    /** What the key of a caller's count of API calls begins with; a colon and the caller follow. It expires. */
    calls: `${prefix}:calls`,
    /** Messages to every replica. */
    allChannel: `${channels}:all`,
    /** Messages to the replica of that name. */
    nodeChannel: (node: string): string => `${channels}:node:${node}`,
    /** What the Socket.IO adapter puts in front of its channels. */
    adapter: `${prefix}:io`,
    /** The adapter's channel of the room that batches go to, and the pattern by which the adapter subscribes to all rooms. */
    batchChannel: `${prefix}:io#/#${batchRoom}#`,
    roomPattern: `${prefix}:io#/#*`,
  };
}
