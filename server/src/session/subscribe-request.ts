/** Parses what clients send with `subscribe` and `unsubscribe`. Pure. SPEC.md [SB1] to [SB4]. */
import { z } from 'zod';
import { limits, parseSymbol, refusal, type Position, type Refusal } from '../../protocol/index.ts';

/** One entry of the list: the key of its result, and the symbol, or null where the text is none. */
export interface Wanted {
  key: string;
  symbol: string | null;
}

/** A parsed `subscribe`: its form is right, whether its symbols are listed is not known yet. */
export interface SubscribeCall {
  wanted: Wanted[];
  /** The rate of all of them. */
  everyMs: number;
  /** Where the client was, by symbol. */
  since: ReadonlyMap<string, Position>;
}

/** What a client sent, once it is understood, or the refusal that it is answered with. */
export type Parsed<T> = { ok: true; value: T } | { ok: false; refusal: Refusal };

/** What is shown of a text that is no symbol. */
const maxKeyLength = 40;

const nowhere: ReadonlyMap<string, Position> = new Map();
const offered: readonly number[] = limits.offeredEveryMs;
const symbolList = z.array(z.string());
const position = z.tuple([z.string(), z.int().min(0)]);
const subscribeSchema = z.union([
  symbolList.transform((symbols) => ({ symbols, everyMs: undefined, since: undefined })),
  z.strictObject({
    symbols: symbolList,
    everyMs: z.int().min(0).optional(),
    since: z.record(z.string(), position).optional(),
  }),
]);

/** Takes `["BTC-USD", ...]` or `{symbols, everyMs?, since?}`. */
export function parseSubscribe(payload: readonly unknown[]): Parsed<SubscribeCall> {
  if (payload.length !== 1)
    return refuse('subscribe takes one payload: a list of symbols, or {symbols, everyMs?, since?}');
  const tooMany = tooManySymbols(payload[0]);
  if (tooMany !== null) return { ok: false, refusal: tooMany };
  // What nearly every client sends takes no schema: it would take longer than the rest of the call.
  if (isTexts(payload[0]))
    return { ok: true, value: { wanted: distinct(payload[0]), everyMs: 0, since: nowhere } };
  const parsed = subscribeSchema.safeParse(payload[0]);
  if (!parsed.success)
    return refuse(
      'subscribe takes a list of symbols, or {symbols: [...], everyMs?: number, since?: {SYMBOL: [gen, seq]}}',
    );
  const { everyMs = 0 } = parsed.data;
  if (!offered.includes(everyMs))
    return { ok: false, refusal: refusal('rate_not_offered', `everyMs is one of ${offered.join(', ')}`) };
  return {
    ok: true,
    value: { wanted: distinct(parsed.data.symbols), everyMs, since: positions(parsed.data.since ?? {}) },
  };
}

/** Takes `["BTC-USD", ...]`, or nothing, which is `null`: all of them. */
export function parseUnsubscribe(payload: readonly unknown[]): Parsed<Wanted[] | null> {
  if (payload.length === 0 || (payload.length === 1 && payload[0] === undefined))
    return { ok: true, value: null };
  if (payload.length !== 1)
    return refuse('unsubscribe takes one payload: a list of symbols, or nothing for all');
  const tooMany = tooManySymbols(payload[0]);
  if (tooMany !== null) return { ok: false, refusal: tooMany };
  const parsed = symbolList.safeParse(payload[0]);
  if (!parsed.success) return refuse('unsubscribe takes a list of symbols, or nothing for all');
  return { ok: true, value: distinct(parsed.data) };
}

/** Before any schema walks the list: its length costs the sender nothing. */
function tooManySymbols(payload: unknown): Refusal | null {
  const list: unknown = Array.isArray(payload)
    ? payload
    : typeof payload === 'object' && payload !== null && 'symbols' in payload
      ? payload.symbols
      : null;
  if (!Array.isArray(list) || list.length <= limits.maxSymbolsPerCall) return null;
  return refusal('too_many_symbols', `at most ${limits.maxSymbolsPerCall} symbols in one call`);
}

function isTexts(payload: unknown): payload is string[] {
  return Array.isArray(payload) && payload.every((one) => typeof one === 'string');
}

function distinct(texts: readonly string[]): Wanted[] {
  const wanted = new Map<string, Wanted>();
  for (const text of texts) {
    const symbol = parseSymbol(text);
    const key = symbol ?? text.slice(0, maxKeyLength);
    wanted.set(key, { key, symbol });
  }
  return [...wanted.values()];
}

function positions(since: Record<string, Position>): ReadonlyMap<string, Position> {
  return new Map(
    Object.entries(since).flatMap(([text, at]) => {
      const symbol = parseSymbol(text);
      return symbol === null ? [] : [[symbol, at] as const];
    }),
  );
}

function refuse(message: string): { ok: false; refusal: Refusal } {
  return { ok: false, refusal: refusal('bad_payload', message) };
}
