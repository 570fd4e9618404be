/**
 * Prices in and out over HTTP: `PUT /api/ticks` takes them from outside programs with an API key, `GET /api/ticks`
 * gives the last ones to everyone who may have them, or shows a key. Knows neither the leader nor the store: what was parsed is handed on.
 */
/* oxlint-disable oxc/no-async-endpoint-handlers -- Express 5 hands a rejection to the error handler */
import { createHash } from 'node:crypto';
import express, { Router, type Request } from 'express';
import { z } from 'zod';
import { limits, parseSymbol, type Quote, type Refusal } from '../../protocol/index.ts';
import type { Clock } from '../support/clock.ts';
import { anonymous, type AuthenticateRequest, type Identity } from '../users/identity.ts';
import { apiKeyName, createKeyCheck, requireApiKey, type ApiKey } from './api-key.ts';
import { otherMethods, Refused, sendProblem } from './problem.ts';
import { parsePush, type PushedTick } from './push-batch.ts';
import { requireJson } from './require-json.ts';

/** Checked ticks on their way to the leader, and what makes them count once. */
export interface Push {
  ticks: PushedTick[];
  /** `id` stands for the caller's key and `Idempotency-Key`, `hash` for the content. */
  once?: { id: string; hash: string };
}

export type PushOutcome =
  /** In the order of the push. `replayed`: it was counted before, and this is what it got then. */
  | { ok: true; ticks: { symbol: string; gen: string; seq: number }[]; replayed: boolean }
  | { ok: false; refusal: Refusal };

export interface TicksOptions {
  apiKeys: readonly ApiKey[];
  /** The largest body of a push, after inflating; the protocol's own bound where it is less. */
  maxBodyBytes: number;
  clock: Pick<Clock, 'now'>;
  /** Says who asks for prices. */
  authenticate: AuthenticateRequest;
  /** Every symbol that is listed now. */
  symbols: () => readonly string[];
  /** The last quotes of those that have one, in any order. */
  quotes: (symbols: readonly string[]) => Promise<readonly Quote[]>;
  /** Hands a push to the leader; settles when the store accepted all of it, or nothing. */
  push: (push: Push) => Promise<PushOutcome>;
}

/** Express gives a list for a parameter that is there more than once. */
const query = z.object({ symbols: z.union([z.string(), z.array(z.string())]).optional() });
const idempotencyKey = /^[\x20-\x7e]{1,128}$/;

function idempotencyIdOf(req: Request, keyName: string): string | null {
  const key = req.get('Idempotency-Key');
  if (key === undefined) return null;
  if (!idempotencyKey.test(key))
    throw new Refused('bad_payload', 'Idempotency-Key must be 1 to 128 printable ASCII characters');
  return createHash('sha256')
    .update(JSON.stringify([keyName, key]))
    .digest('base64url');
}

/** The symbols that the query asks for, each once; all that are listed and permitted where it does not say. */
function symbolsAsked(req: Request, listed: readonly string[], identity: Identity): string[] {
  const { symbols: asked } = query.parse(req.query);
  if (asked === undefined) return listed.filter((symbol) => identity.maySee(symbol));
  const parts = [asked].flat().flatMap((text) => text.split(','));
  if (parts.length > limits.maxSymbolsPerCall) throw new Refused('too_many_symbols');
  const symbols = parts.map((part) => {
    const symbol = parseSymbol(part.trim());
    if (symbol === null)
      throw new Refused('bad_symbol', `${JSON.stringify(part.slice(0, 40))} is not a symbol such as BTC-USD`);
    return symbol;
  });
  const known = new Set(listed);
  const unknown = symbols.find((symbol) => !known.has(symbol));
  if (unknown !== undefined) throw new Refused('unknown_symbol', `${unknown} is not listed here`);
  const forbidden = symbols.find((symbol) => !identity.maySee(symbol));
  if (forbidden !== undefined)
    throw new Refused('symbol_not_permitted', `this user may not have the prices of ${forbidden}`);
  return [...new Set(symbols)];
}

/** The routes of `/api/ticks`. */
export function createTicks(options: TicksOptions): Router {
  const { apiKeys, maxBodyBytes, clock, authenticate, symbols, quotes, push } = options;
  const router = Router();
  const keyOf = createKeyCheck(apiKeys);
  router
    .route('/api/ticks')
    .get(async (req, res) => {
      const identity = keyOf(req) === null ? await authenticate(req) : anonymous;
      const asked = symbolsAsked(req, symbols(), identity);
      const bySymbol = new Map((await quotes(asked)).map((quote) => [quote.symbol, quote]));
      res.set('Cache-Control', 'no-store').json({
        quotes: asked.flatMap((symbol) => bySymbol.get(symbol) ?? []),
        missing: asked.filter((symbol) => !bySymbol.has(symbol)),
      });
    })
    .put(
      // The key first: a stranger's body is not even read.
      requireApiKey(apiKeys),
      requireJson,
      express.json({ limit: Math.max(maxBodyBytes, limits.maxPushBytes) }),
      async (req, res) => {
        const id = idempotencyIdOf(req, apiKeyName(res));
        const parsed = parsePush(req.body, clock.now());
        if (!parsed.ok) return sendProblem(res, parsed.refusal);
        const { ticks, hash } = parsed;
        const outcome = await push(id === null ? { ticks } : { ticks, once: { id, hash } });
        if (!outcome.ok) return sendProblem(res, outcome.refusal);
        if (outcome.replayed) res.set('Idempotency-Replayed', 'true');
        res.set('Cache-Control', 'no-store').json({ accepted: outcome.ticks.length, ticks: outcome.ticks });
      },
    )
    .all(otherMethods('GET, HEAD, PUT'));
  return router;
}
