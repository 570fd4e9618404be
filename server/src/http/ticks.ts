/**
 * Prices in and out over HTTP: `PUT /api/ticks` takes them from outside programs with an API key, `GET /api/ticks`
 * gives the last ones to everyone who may have them, or shows a key. Knows neither the leader nor the store: what was parsed is handed on.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { limits, type Quote, type Refusal } from '../../protocol/index.ts';
import type { Clock } from '../support/clock.ts';
import type { CallerOf } from './callers.ts';
import { listedSymbol, positionShape, quoteForm, symbolForm, type WhyUnlisted } from './forms.ts';
import { operation, type Operation } from './operation.ts';
import { Refused } from './problem.ts';
import { parsePush, pushForm, type PushedTick } from './push-batch.ts';

/** Checked ticks on their way to the leader, and what makes them count once. */
export interface Push {
  ticks: PushedTick[];
  /** `id` stands for the caller's key and `Idempotency-Key`, `hash` for the content. */
  once?: { id: string; hash: string };
}

/** What became of a push: accepted or refused as a whole; `push_unconfirmed` leaves open which. */
export type PushOutcome =
  /** In the order of the push. `replayed`: it was counted before, and this is what it got then. */
  | { ok: true; ticks: { symbol: string; gen: string; seq: number }[]; replayed: boolean }
  | { ok: false; refusal: Refusal };

/** What both operations ask of the replica; `quotes` and `push` may take their time, the others not. */
export interface TicksOptions {
  /** The largest body of a push, after inflating; the protocol's own bound where it is less. */
  maxBodyBytes: number;
  clock: Pick<Clock, 'now'>;
  /** Every symbol that is listed now. */
  symbols: () => readonly string[];
  whyUnlisted: WhyUnlisted;
  /** The last quotes of those that have one, in any order. */
  quotes: (symbols: readonly string[]) => readonly Quote[];
  /** Hands a push to the leader; settles when the store accepted all of it, or nothing. */
  push: (push: Push) => Promise<PushOutcome>;
}

/** Express gives a list for a parameter that is there more than once. */
const query = z.strictObject({
  symbols: z
    .union([z.string(), z.array(z.string())])
    .optional()
    .meta({ description: 'symbols, separated by commas; all that are listed where it is absent' }),
});

const headers = z.object({
  'Idempotency-Key': z
    .string()
    .regex(/^[\x20-\x7e]{1,128}$/, 'must be 1 to 128 printable ASCII characters')
    .optional()
    .meta({ description: 'makes the push count once, however often it is sent within ten minutes' }),
});

/** Stands for the caller's key and `Idempotency-Key`. */
function onceIdOf(keyName: string, idempotencyKey: string): string {
  return createHash('sha256')
    .update(JSON.stringify([keyName, idempotencyKey]))
    .digest('base64url');
}

/** The symbols that the query asks for, each once; all that are listed and permitted where it does not say. */
function symbolsAsked(
  asked: string | string[] | undefined,
  { symbols: listed, whyUnlisted }: Pick<TicksOptions, 'symbols' | 'whyUnlisted'>,
  caller: CallerOf<'reader'>,
): string[] {
  const maySee = (symbol: string): boolean => caller.by === 'key' || caller.identity.maySee(symbol);
  if (asked === undefined) return listed().filter(maySee);
  const parts = [asked].flat().flatMap((text) => text.split(','));
  if (parts.length > limits.maxSymbolsPerCall) throw new Refused('too_many_symbols');
  const symbols = parts.map((part) => listedSymbol(part.trim(), whyUnlisted));
  const forbidden = symbols.find((symbol) => !maySee(symbol));
  if (forbidden !== undefined)
    throw new Refused('symbol_not_permitted', `this user may not have the prices of ${forbidden}`);
  return [...new Set(symbols)];
}

/** The operations of `/api/ticks`. */
export function createTickOperations(options: TicksOptions): Operation[] {
  const { maxBodyBytes, clock, quotes, push } = options;

  const getTicks = operation({
    id: 'getTicks',
    method: 'get',
    path: '/api/ticks',
    summary: 'The last quotes',
    access: 'reader',
    query,
    answers: {
      200: {
        description: 'the quotes in the order that was asked for, each symbol once',
        schema: z.object({
          quotes: z.array(quoteForm),
          missing: z.array(symbolForm).meta({ description: 'symbols that have no price yet' }),
        }),
      },
    },
    refusals: [
      'bad_symbol',
      'too_many_symbols',
      'symbol_not_permitted',
      'unknown_symbol',
      'retired',
      'store_unavailable',
    ],
    handle: async ({ caller, query: { symbols: asked } }) => {
      const wanted = symbolsAsked(asked, options, caller);
      const bySymbol = new Map(quotes(wanted).map((quote) => [quote.symbol, quote]));
      return {
        status: 200,
        body: {
          quotes: wanted.flatMap((symbol) => bySymbol.get(symbol) ?? []),
          missing: wanted.filter((symbol) => !bySymbol.has(symbol)),
        },
      };
    },
  });

  const putTicks = operation({
    id: 'putTicks',
    method: 'put',
    path: '/api/ticks',
    summary: 'Push prices',
    description: 'Each tick becomes the next of its symbol, or nothing of the push is taken.',
    access: 'key',
    headers,
    body: {
      schema: pushForm,
      maxBytes: Math.max(maxBodyBytes, limits.maxPushBytes),
      parse: (sent) => {
        const parsed = parsePush(sent, clock.now());
        if (!parsed.ok) throw new Refused(parsed.refusal);
        return parsed;
      },
    },
    answers: {
      200: {
        description: 'all of it was accepted; with `Idempotency-Replayed: true` by an earlier call',
        schema: z.object({
          accepted: z.int().min(1),
          ticks: z
            .array(z.object({ symbol: symbolForm, ...positionShape }))
            .meta({ description: 'in the order of the push' }),
        }),
      },
    },
    refusals: [
      'too_many_symbols',
      'unknown_symbol',
      'retired',
      'symbol_of_other_source',
      'idempotency_conflict',
      'feed_paused',
      'no_leader',
      'store_unavailable',
      'push_unconfirmed',
    ],
    handle: async ({ caller, headers: { 'Idempotency-Key': key }, body }) => {
      const { ticks, hash } = body;
      const outcome = await push(
        key === undefined ? { ticks } : { ticks, once: { id: onceIdOf(caller.name, key), hash } },
      );
      if (!outcome.ok) throw new Refused(outcome.refusal);
      return {
        status: 200,
        headers: outcome.replayed ? { 'Idempotency-Replayed': 'true' } : {},
        body: { accepted: outcome.ticks.length, ticks: outcome.ticks },
      };
    },
  });

  return [getTicks, putTicks];
}
