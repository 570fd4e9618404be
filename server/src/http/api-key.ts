/**
 * Who may call the API: the `X-API-Key` header against the configured keys. A key in the query is never looked at.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { Request, RequestHandler, Response } from 'express';
import { Refused } from './problem.ts';

export interface ApiKey {
  /** Stands for the key wherever the key itself must not appear. */
  name: string;
  key: string;
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/** The name of the key that the request showed; only behind `requireApiKey`. */
export function apiKeyName(res: Response): string {
  return String(res.locals['apiKeyName']);
}

/** Gives a function that tells the name of the key which a request shows, or null. It takes the same time for every wrong key. */
export function createKeyCheck(keys: readonly ApiKey[]): (req: Request) => string | null {
  const known = keys.map(({ name, key }) => ({ name, digest: digest(key) }));

  return (req) => {
    const shown = digest(req.get('X-API-Key') ?? '');
    // Digests have one length, and every wrong key is compared with all.
    return known.find((entry) => timingSafeEqual(entry.digest, shown))?.name ?? null;
  };
}

/** Lets a request pass that shows one of the keys, else answers 401. */
export function requireApiKey(keys: readonly ApiKey[]): RequestHandler {
  const keyOf = createKeyCheck(keys);

  return (req, res, next) => {
    const name = keyOf(req);
    if (name === null) {
      res.set('WWW-Authenticate', 'ApiKey realm="tickwire"');
      throw new Refused(
        'api_key_required',
        keys.length === 0 ? 'this server has no API keys: set API_KEYS to allow this call' : undefined,
      );
    }
    res.locals['apiKeyName'] = name;
    next();
  };
}
