/**
 * The `X-API-Key` header against the configured keys. A key in the query is never looked at.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { Request } from 'express';

export interface ApiKey {
  /** Stands for the key wherever the key itself must not appear. */
  name: string;
  key: string;
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/** Gives a function that tells the name of the key which a request shows, or null. It takes the same time for every wrong key. */
export function createKeyCheck(keys: readonly ApiKey[]): (req: Request) => string | null {
  const known = keys.map(({ name, key }) => ({ name, digest: digest(key) }));

  return (req) => {
    const shown = digest(req.get('X-API-Key') ?? '');
    // Digests have one length, and every wrong key is compared with all.
    return known.find((entry) => timingSafeEqual(entry.digest, shown))?.name ?? null;
  };
}
