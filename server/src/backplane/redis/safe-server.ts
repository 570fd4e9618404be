/**
 * What is asked of a Redis before it is used. One that evicts keys when memory is short would silently forget heads and the
 * lease; one that does not say which life it is in could give a seq twice after a restart.
 */
import type { RedisClient } from './link.ts';

/** Rejects, with a reason for people. A policy that the server does not tell, as some hosted ones, is let pass. */
export async function assertSafeServer(client: RedisClient): Promise<void> {
  const policy = /^maxmemory_policy:(\S+)/m.exec(await readSection(client, 'memory'))?.[1];
  if (policy !== undefined && policy !== 'noeviction') {
    throw new Error(`Redis has maxmemory-policy ${policy}: it must be noeviction`);
  }
  if (!/^run_id:\w+/m.test(await readSection(client, 'server'))) {
    throw new Error('Redis does not tell its run_id: it must, or a restart could go unnoticed');
  }
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
