/**
 * Refuses a Redis in which a leader of the first version lives under the same prefix. Both versions would lead at once, and clients of
 * one version would miss, without notice, what is pushed to the other. Knows nothing else of that version.
 */
import type { Clock } from '../../support/clock.ts';
import type { RedisClient } from './link.ts';

/** The prefix that both versions use, and the clock. */
export interface VersionCheckOptions {
  prefix: string;
  clock: Pick<Clock, 'after'>;
}

/** How long a lease of the first version must stand still, in milliseconds. Its next leader takes over within 2,000. */
const stillMs = 2_500;

/** Gives a function for each new connection. It rejects, with a reason for people, while such a leader beats. */
export function createVersionCheck({ prefix, clock }: VersionCheckOptions) {
  /** The lease that stood still: its leader was killed or has left. It is not watched again. */
  let dead: string | null = null;

  return async function assertNoEarlierVersion(client: RedisClient): Promise<void> {
    const before = await readLease(client, prefix);
    if (before === null || before === dead) return;
    await new Promise<void>((resolve) => void clock.after(stillMs, resolve));
    const after = await readLease(client, prefix);
    if (after !== null && after !== before)
      throw new Error(
        `replicas of the first version use the REDIS_PREFIX ${prefix} too: stop all of them, or set another prefix`,
      );
    dead = before;
  };
}

/** Holder, epoch and beat of the first version's lease as one text, also between two leaders; null if there never was one. */
async function readLease(client: RedisClient, prefix: string): Promise<string | null> {
  const reply: unknown = await client.sendCommand([
    'HMGET',
    `${prefix}:{${prefix}:0}:lease`,
    'holder',
    'epoch',
    'beat',
  ]);
  const fields: unknown[] = Array.isArray(reply) ? reply : [];
  return fields.every((field) => field === null) ? null : fields.map(String).join(' ');
}
