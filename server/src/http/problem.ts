/**
 * How the HTTP side says no: every refusal is an `application/problem+json` body (RFC 9457) with the code, name and
 * retry rule that the same refusal has on a socket. Knows no route.
 */
import type { ErrorRequestHandler, RequestHandler, Response } from 'express';
import { BackplaneUnavailable } from '../backplane/contract.ts';
import { SignInRefused } from '../users/identity.ts';
import { codes, problemOf, problemType, refusal, type CodeName, type Refusal } from '../../protocol/index.ts';

/** Thrown by a route to answer with this refusal. */
export class Refused extends Error {
  override name = 'Refused';
  readonly refusal: Refusal;
  /** When the call may be repeated, where that is known better than by its code. */
  retryAfterS: number | null = null;

  /** `why` is a code with the detail of this case, or the refusal that another stage gave. */
  constructor(why: CodeName | Refusal, detail?: string) {
    const refused = typeof why === 'string' ? refusal(why, detail) : why;
    super(refused.message);
    this.refusal = refused;
  }
}

/** Seconds that a caller waits before it repeats what got a 503. */
const retryAfterS = 1;

/** Answers with the refusal; its status is its code's. `afterS` is when the call may be repeated, where that is known. */
export function sendProblem(res: Response, why: Refusal, afterS: number | null = null): void {
  const { status, body } = problemOf(why);
  if (afterS !== null || status === 503) res.set('Retry-After', String(afterS ?? retryAfterS));
  if (status === 401 && !res.hasHeader('WWW-Authenticate'))
    res.set('WWW-Authenticate', 'Bearer realm="tickwire"');
  res.status(status).set('Cache-Control', 'no-store').type(problemType).send(body);
}

/** The last route of a path: answers every method that the ones before it did not take. `allow` as in the header. */
export function otherMethods(allow: string): RequestHandler {
  return (req, res) => {
    res.set('Allow', allow);
    if (req.method === 'OPTIONS') res.status(204).end();
    else sendProblem(res, refusal('method_not_allowed', `${req.method} is not taken here, but ${allow}`));
  };
}

/** The last handler of all: no route took the request. */
export const nothingHere: RequestHandler = (_req, res) => sendProblem(res, refusal('not_found'));

/** What Express and its parsers throw: errors with an HTTP status. */
function statusOf(error: unknown): number {
  const status = error instanceof Error && 'status' in error ? error.status : undefined;
  return typeof status === 'number' ? status : 500;
}

/** The parser's error says what it would have taken. */
function tooLarge(error: unknown): string {
  const { message } = codes.payload_too_large;
  const limit = error instanceof Error && 'limit' in error ? error.limit : undefined;
  return typeof limit === 'number' ? `${message}: at most ${limit} bytes` : message;
}

function refusalOf(error: unknown): Refusal | null {
  if (error instanceof Refused || error instanceof SignInRefused) return error.refusal;
  if (error instanceof BackplaneUnavailable) return refusal('store_unavailable');
  const status = statusOf(error);
  const said = error instanceof Error ? error.message.slice(0, 200) : '';
  if (status === 413) return refusal('payload_too_large', tooLarge(error));
  if (status === 415)
    return refusal('unsupported_media_type', `${codes.unsupported_media_type.message}: ${said}`);
  if (status === 404) return refusal('not_found');
  return status >= 400 && status < 500 ? refusal('bad_payload', said) : null;
}

/** Turns whatever a route threw into a problem. What is no refusal is our fault: it goes to the log, not to the caller. */
export const problemOfError: ErrorRequestHandler = (error: unknown, _req, res, next) => {
  const refused = refusalOf(error);
  if (refused === null) res.err = error instanceof Error ? error : new Error(String(error));
  // Half an answer cannot be mended: Express then ends the connection.
  if (res.headersSent) next(error);
  else sendProblem(res, refused ?? refusal('internal'), error instanceof Refused ? error.retryAfterS : null);
};
