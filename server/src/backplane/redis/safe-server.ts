/**
 * Checks a Redis before and during its use. A server that evicts keys would silently forget the log
 * and the lease. A server that does not say which run it is in could give a seq twice after a restart. A replica of the primary
 * takes no writes, and its messages reach nobody else.
 */
import type { RedisClient } from './link.ts';

/** The server is a replica: its name must be resolved again, which leads to the primary. */
export class NotPrimary extends Error {
  override name = 'NotPrimary';
}

/** Rejects, with a reason for people, if the server cannot be used. A policy that the server hides, as some hosted ones do, is accepted. */
export async function assertSafeServer(client: RedisClient): Promise<void> {
  await assertPrimary(client);
  const policy = /^maxmemory_policy:(\S+)/m.exec(await readSection(client, 'memory'))?.[1];
  if (policy !== undefined && policy !== 'noeviction') {
    throw new Error(`Redis has maxmemory-policy ${policy}: it must be noeviction`);
  }
  if (!/^run_id:\w+/m.test(await readSection(client, 'server'))) {
    throw new Error('Redis does not tell its run_id: it must, or a restart could go unnoticed');
  }
}

/** Rejects with `NotPrimary` if the server is a replica. */
export async function assertPrimary(client: RedisClient): Promise<void> {
  if (/^role:slave/m.test(await readSection(client, 'replication')))
    throw new NotPrimary('this Redis is a replica and not the primary: connecting again');
}

/** Whether the server refused a command because it is not, or not yet, the primary. */
export function isNotPrimary(error: unknown): boolean {
  return error instanceof Error && /^(READONLY|LOADING|MASTERDOWN)\b/.test(error.message);
}

async function readSection(client: RedisClient, section: string): Promise<string> {
  try {
    const info: unknown = await client.sendCommand(['INFO', section]);
    return typeof info === 'string' ? info : '';
  } catch (cause) {
    if (!(cause instanceof Error && cause.message.startsWith('NOPERM'))) throw cause;
    throw new Error('the Redis user may not run INFO: it must, or a restart could go unnoticed', { cause });
  }
}
