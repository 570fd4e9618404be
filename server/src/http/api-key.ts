/**
 * The `X-API-Key` header against the configured keys. A key in the query is never looked at.
 */
import type { Request } from 'express';
import { createSecretCheck } from '../support/secret-check.ts';

export interface ApiKey {
  /** Stands for the key wherever the key itself must not appear. */
  name: string;
  key: string;
}

/** Gives a function that tells the name of the key which a request shows, or null. It takes the same time for every wrong key. */
export function createKeyCheck(keys: readonly ApiKey[]): (req: Request) => string | null {
  const nameOf = createSecretCheck(keys);
  return (req) => nameOf(req.get('X-API-Key') ?? '');
}
