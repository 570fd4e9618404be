/**
 * Every key and channel that this backplane uses. All begin with the prefix, so that clusters can share one Redis and
 * its access rules can be written. The keys of a shard share a hash tag, so that one script may touch them all.
 */
import { assert } from '../../support/assert.ts';

/** The names; what each holds is said here and nowhere else. */
export interface Keys {
  /** Lives with shard 0, so that a take can look at the epoch there. */
  lease: string;
  /** Hash: the leaders' notes by name. Lives with the lease, so that a write can look at the epoch there. */
  notes: string;
  shard(shard: number): ShardKeys;
  seats: SeatKeys;
  /** What the key of a caller's count of API calls begins with; a colon and the caller follow. It expires. */
  calls: string;
  releaseChannel: string;
  announceChannel: string;
  leaderChannel(epoch: number): string;
  replyChannel(caller: string): string;
  /** Where a node hears itself, by a name of it that no other has. */
  echoChannel(life: string): string;
  /** What the Socket.IO adapter puts in front of its channels. */
  adapter: string;
}

/** The names of one shard. */
export interface ShardKeys {
  /** Hash: `gen`, `epoch`, `run` (the server that it was written on), `batch` and `seqs` of the last append, and `floor`, the highest head that was forgotten. */
  meta: string;
  /** Hash: symbol to its last seq in this generation. */
  heads: string;
  /** Hash: symbol to its last tick and the day after it, as texts with a newline between. It outlives the generation. */
  quotes: string;
  /** Hash: symbol to the last number of its source. It outlives the generation. */
  sourceSeqs: string;
  /** What the key of a symbol's history begins with: a list of its last ticks, and up to an eighth more, as `seq:text`, oldest first. */
  histories: string;
  /** Hash: `hash` and `seqs` of an append that happens once; it expires. */
  once(gen: string, id: string): string;
}

/** The names of the users' seats. */
export interface SeatKeys {
  /** Hash: `gen`, `run` (the server that it was written on) and `beat`, the last beat of all nodes. */
  meta: string;
  /** Hash: node to its last beat. */
  beats: string;
  /** What the key of a node's seats begins with: a hash of user to its seats there, `cid id` and a newline each. */
  held: string;
  /** What the key of a node's lost seats begins with: a set of their ids. */
  lost: string;
}

/** The names below one prefix. */
export function createKeys(prefix: string): Keys {
  // Braces would move the hash tag, and * ? [ would widen the adapter's subscription pattern.
  assert(/^[\w.:-]+$/.test(prefix), 'a Redis prefix has only letters, digits, _ . : and -');
  const tagged = (tag: number | 'seats'): string => `${prefix}:{${prefix}:${tag}}`;
  return {
    lease: `${tagged(0)}:lease`,
    notes: `${tagged(0)}:notes`,
    shard: (shard) => createShardKeys(tagged(shard)),
    seats: {
      meta: `${tagged('seats')}:meta`,
      beats: `${tagged('seats')}:beats`,
      held: `${tagged('seats')}:held:`,
      lost: `${tagged('seats')}:lost:`,
    },
    calls: `${prefix}:calls`,
    releaseChannel: `${prefix}:release`,
    announceChannel: `${prefix}:announce`,
    leaderChannel: (epoch) => `${prefix}:leader:${epoch}`,
    replyChannel: (caller) => `${prefix}:reply:${caller}`,
    echoChannel: (life) => `${prefix}:echo:${life}`,
    adapter: `${prefix}:io`,
  };
}

function createShardKeys(tagged: string): ShardKeys {
  return {
    meta: `${tagged}:meta`,
    heads: `${tagged}:heads`,
    quotes: `${tagged}:quotes`,
    sourceSeqs: `${tagged}:source-seqs`,
    histories: `${tagged}:history:`,
    once: (gen, id) => `${tagged}:once:${gen}:${id}`,
  };
}
