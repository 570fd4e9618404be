/** Refuses a request with another body than JSON. */
import type { Request } from 'express';
import { Refused } from './problem.ts';

/** Throws `Refused` where the request says that its body is something else. */
export function requireJson(req: Request): void {
  if (req.is('application/json') === false) throw new Refused('unsupported_media_type');
}
