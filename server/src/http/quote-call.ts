/**
 * `POST /api/quote`: the last quote of a symbol goes over a user's own sockets, wherever they are. For a backend with an API
 * key, and for the user alone: by sign-in, or by the secret of one of its sessions. Knows no sockets. Keeps SPEC.md [QT1].
 */
/* oxlint-disable oxc/no-async-endpoint-handlers -- Express 5 hands a rejection to the error handler */
import express, { Router, type Request, type RequestHandler, type Response } from 'express';
import { z } from 'zod';
import { parseSymbol, type MessageAck, type Quote } from '../../protocol/index.ts';
import { isUserId, type AuthenticateRequest } from '../users/identity.ts';
import { requireApiKey, type ApiKey } from './api-key.ts';
import { otherMethods, Refused, sendProblem } from './problem.ts';
import { requireJson } from './require-json.ts';

/** Who the session is of, and whether it may see the symbol that was asked about; or why that is not known. */
export type SessionProved =
  | { at: 'proved'; user: string | null; maySee: boolean }
  /** No replica has that session with that secret, */
  | { at: 'none' }
  /** or one that may have it did not answer. */
  | { at: 'silent' };

export interface QuoteCallOptions {
  apiKeys: readonly ApiKey[];
  /** Says whose token a request shows. */
  authenticate: AuthenticateRequest;
  /** Says who it is that shows a session's id and secret, on whatever replica that session is. */
  proveSession: (shown: { session: string; secret: string }, symbol: string) => Promise<SessionProved>;
  /** Every symbol that is listed now. */
  symbols: () => readonly string[];
  /** The last quotes of those that have one, in any order. */
  quotes: (symbols: readonly string[]) => Promise<readonly Quote[]>;
  /** Sends the quote to every session of the user, on every replica, and tells how many. */
  sendQuote: (userId: string, quote: Quote) => Promise<MessageAck>;
}

/** Who calls: somebody with an API key, a user who signed in, or a session that has yet to be proved. */
type Caller =
  | { by: 'key' }
  | { by: 'sign-in'; user: string; maySee: (symbol: string) => boolean }
  | { by: 'session'; session: string; secret: string };

const maxBodyBytes = 4_096;
const bodySchema = z.strictObject({ userId: z.string().refine(isUserId), symbol: z.string() });
const sessionSecret = /^Session +([\w-]{1,64}):([\w-]{1,64})$/i;

function setCaller(res: Response, caller: Caller): void {
  res.locals['caller'] = caller;
}

function callerOf(res: Response): Caller {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- set by the one handler before
  return res.locals['caller'] as Caller;
}

/** Finds out who calls, as far as this replica can tell. */
function identify(apiKeys: readonly ApiKey[], authenticate: AuthenticateRequest): RequestHandler {
  const withKey = requireApiKey(apiKeys);

  return async (req, res, next) => {
    if (req.get('X-API-Key') !== undefined) {
      setCaller(res, { by: 'key' });
      withKey(req, res, next);
      return;
    }
    const [, session, secret] = sessionSecret.exec(req.get('Authorization') ?? '') ?? [];
    if (session !== undefined && secret !== undefined) setCaller(res, { by: 'session', session, secret });
    else {
      const identity = await authenticate(req);
      const { user } = identity;
      if (user === null) {
        res.set('WWW-Authenticate', 'Session realm="tickwire"');
        throw new Refused('credentials_required');
      }
      setCaller(res, { by: 'sign-in', user, maySee: (symbol) => identity.maySee(symbol) });
    }
    next();
  };
}

function bodyOf(req: Request, listed: readonly string[]): { userId: string; symbol: string } {
  const parsed = bodySchema.safeParse(req.body);
  if (!parsed.success)
    throw new Refused('bad_payload', 'the body is {userId, symbol}: an id of a user, a symbol');
  const symbol = parseSymbol(parsed.data.symbol);
  if (symbol === null) throw new Refused('bad_symbol');
  if (!listed.includes(symbol)) throw new Refused('unknown_symbol', `${symbol} is not listed here`);
  return { userId: parsed.data.userId, symbol };
}

/** The route of `/api/quote`. */
export function createQuoteRoute(options: QuoteCallOptions): Router {
  const { apiKeys, authenticate, proveSession, symbols, quotes, sendQuote } = options;

  async function requireOwn(caller: Caller, userId: string, symbol: string): Promise<void> {
    if (caller.by === 'key') return;
    let user: string | null;
    let maySee: boolean;
    if (caller.by === 'sign-in') {
      user = caller.user;
      maySee = caller.maySee(symbol);
    } else {
      const proved = await proveSession(caller, symbol);
      if (proved.at === 'silent')
        throw new Refused('node_unreachable', 'the replica of this session does not answer; try again');
      if (proved.at === 'none') throw new Refused('bad_session');
      ({ user, maySee } = proved);
    }
    if (user !== userId) throw new Refused('other_user', 'this may be called for your own user alone');
    if (!maySee) throw new Refused('symbol_not_permitted');
  }

  const router = Router();
  router
    .route('/api/quote')
    .post(
      identify(apiKeys, authenticate),
      requireJson,
      express.json({ limit: maxBodyBytes }),
      async (req, res) => {
        const { userId, symbol } = bodyOf(req, symbols());
        await requireOwn(callerOf(res), userId, symbol);
        const [quote] = await quotes([symbol]);
        if (quote === undefined) throw new Refused('no_price', `${symbol} has no price yet`);
        const answer = await sendQuote(userId, quote);
        if (!answer.ok) return sendProblem(res, answer);
        const { delivered, incomplete } = answer;
        if (delivered === 0 && incomplete !== undefined)
          throw new Refused(
            'node_unreachable',
            `no session of this user was found, and ${incomplete.join(', ')} did not answer; try again`,
          );
        if (delivered === 0) throw new Refused('no_session');
        res.set('Cache-Control', 'no-store').json({ delivered, incomplete });
      },
    )
    .all(otherMethods('POST'));
  return router;
}
