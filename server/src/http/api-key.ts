/** The `X-API-Key` header against the configured keys. */
import type { Request } from 'express';
import { createSecretCheck, type NamedSecret } from '../support/secret-check.ts';

/** Gives a function that tells the name of the key which a request shows, or null. It takes the same time for every wrong key. */
export function createKeyCheck(keys: readonly NamedSecret[]): (req: Request) => string | null {
  const nameOf = createSecretCheck(keys);
  return (req) => nameOf(req.get('X-API-Key') ?? '');
}
