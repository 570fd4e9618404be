/**
 * Every key and channel that this backplane uses. All begin with the prefix, so that clusters can share one Redis and
 * its access rules can be written. The keys of a shard share a hash tag, so that one script may touch them all.
 */
import { assert } from '../../support/assert.ts';

/** The names; what each holds is said here and nowhere else. */
export interface Keys {
  lease: string;
  /** Hash: `gen`, `epoch`. */
  meta: string;
  /** Hash: symbol to its last seq. */
  heads: string;
  /** Hash: symbol to `seq:quote`, the quote as JSON without gen and seq. */
  quotes: string;
  /** Hash: `hash` and `seqs` of an append that happens once; it expires. */
  once(gen: string, id: string): string;
  releaseChannel: string;
  announceChannel: string;
  leaderChannel(epoch: number): string;
  replyChannel(caller: string): string;
  /** What the Socket.IO adapter puts in front of its channels. */
  adapter: string;
}

/** The names below one prefix. There is one shard, 0; the lease lives in it so that a take can look at its epoch. */
export function createKeys(prefix: string): Keys {
  // Braces would move the hash tag, and * ? [ would widen the adapter's subscription pattern.
  assert(/^[\w.:-]+$/.test(prefix), 'a Redis prefix has only letters, digits, _ . : and -');
  const shard = `${prefix}:{${prefix}:0}`;
  return {
    lease: `${shard}:lease`,
    meta: `${shard}:meta`,
    heads: `${shard}:heads`,
    quotes: `${shard}:quotes`,
    once: (gen, id) => `${shard}:once:${gen}:${id}`,
    releaseChannel: `${prefix}:release`,
    announceChannel: `${prefix}:announce`,
    leaderChannel: (epoch) => `${prefix}:leader:${epoch}`,
    replyChannel: (caller) => `${prefix}:reply:${caller}`,
    adapter: `${prefix}:io`,
  };
}
