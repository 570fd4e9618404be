/** A Redis that evicts keys when memory is short would silently forget heads and the lease: it is not used. */
import type { RedisClient } from './link.ts';

/** Rejects, with a reason for people, where the policy is known and is not `noeviction`. */
export async function assertNoEviction(client: RedisClient): Promise<void> {
  const policy = await readPolicy(client);
  if (policy !== null && policy !== 'noeviction') {
    throw new Error(`Redis has maxmemory-policy ${policy}: it must be noeviction`);
  }
}

/** Null where this user may not ask, as on some hosted services. */
async function readPolicy(client: RedisClient): Promise<string | null> {
  try {
    const info: unknown = await client.sendCommand(['INFO', 'memory']);
    return typeof info === 'string' ? (/^maxmemory_policy:(\S+)/m.exec(info)?.[1] ?? null) : null;
  } catch (error) {
    if (error instanceof Error && error.message.startsWith('NOPERM')) return null;
    throw error;
  }
}
