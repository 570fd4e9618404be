/**
 * Who may call the API: the `X-API-Key` header against the configured keys. A key in the query is never looked at.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { RequestHandler, Response } from 'express';
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

/** Lets a request pass that shows one of the keys, else answers 401. It takes the same time for every wrong key. */
export function requireApiKey(keys: readonly ApiKey[]): RequestHandler {
  const known = keys.map(({ name, key }) => ({ name, digest: digest(key) }));

  return (req, res, next) => {
    const shown = digest(req.get('X-API-Key') ?? '');
    // Digests have one length, and every wrong key is compared with all.
    const match = known.find((entry) => timingSafeEqual(entry.digest, shown));
    if (match === undefined) {
      res.set('WWW-Authenticate', 'ApiKey realm="tickwire"');
      throw new Refused(
        'api_key_required',
        known.length === 0 ? 'this server has no API keys: set API_KEYS to allow this call' : undefined,
      );
    }
    res.locals['apiKeyName'] = match.name;
    next();
  };
}
