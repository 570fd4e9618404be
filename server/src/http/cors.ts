/**
 * Which pages of other origins may read the API. A foreign origin is no error here: without these headers its browser
 * keeps the answer from it, and everyone else does not care. Who asks is told by a header that the page itself sets, so that
 * no cookie and no other credentials of the browser's are ever asked for.
 */
import type { RequestHandler } from 'express';

const methods = 'GET, HEAD, PUT, POST, DELETE';
const requestHeaders = 'Authorization, Content-Type, X-API-Key, Idempotency-Key';
const answerHeaders = 'Retry-After, Idempotency-Replayed, X-Request-Id';
const preflightMaxAgeS = 600;

/** `origins` are exact; `*` alone allows all, an empty list only the same origin. */
export function createCors(origins: readonly string[]): RequestHandler {
  const isOpen = origins.includes('*');

  return (req, res, next) => {
    if (!isOpen && origins.length > 0) res.vary('Origin');
    const origin = req.get('Origin');
    if (origin === undefined || !(isOpen || origins.includes(origin))) {
      next();
      return;
    }
    res.set('Access-Control-Allow-Origin', isOpen ? '*' : origin);
    if (req.method === 'OPTIONS' && req.get('Access-Control-Request-Method') !== undefined) {
      res
        .set('Access-Control-Allow-Methods', methods)
        .set('Access-Control-Allow-Headers', requestHeaders)
        .set('Access-Control-Max-Age', String(preflightMaxAgeS))
        .status(204)
        .end();
      return;
    }
    res.set('Access-Control-Expose-Headers', answerHeaders);
    next();
  };
}
