/** Shapes that several operations of the API have in common, as schemas. Knows no operation. */
import { z } from 'zod';
import { limits, parseSymbol, type Quote } from '../../protocol/index.ts';
import { isUserId, maxUserIdLength } from '../users/identity.ts';
import { Refused } from './problem.ts';

/** A decimal number as text. */
const decimal = z.string().meta({ description: 'a decimal number, digit for digit', examples: ['64250.10'] });

/** A symbol as callers write it, in any case; `listedSymbol` parses it. */
export const symbolText = z
  .string({ error: 'must be a symbol such as "BTC-USD"' })
  .meta({ description: 'a symbol, in any case', examples: ['BTC-USD'] });

/** A symbol as it is answered. */
export const symbolForm = z.string().max(limits.maxSymbolLength);

/** A user's id wherever a caller writes one, by the rule of `isUserId`; another text is refused as `bad_payload`. */
export const userIdForm = z
  .string({ error: 'must be the id of a user' })
  .refine(isUserId, {
    error: `is not an id of a user: 1 to ${maxUserIdLength} letters, digits and _ . @ : + = | -`,
  })
  .meta({ description: `the id of a user: 1 to ${maxUserIdLength} letters, digits and _ . @ : + = | -` });

/** A position in a symbol's ticks. */
export const positionShape = { gen: z.string(), seq: z.int().min(0) };

/** A quote as it is answered: every price is a text, digit for digit; `ts` is in epoch milliseconds. */
export const quoteForm: z.ZodType<Quote> = z.object({
  symbol: symbolForm,
  price: decimal,
  size: decimal.exactOptional(),
  ...positionShape,
  ts: z.int().meta({ description: 'epoch milliseconds of the source' }),
  open: decimal,
  high: decimal,
  low: decimal,
  volume: decimal,
  prevClose: decimal.exactOptional(),
  stale: z.boolean().meta({ description: 'whether the source of this symbol is stale' }),
});

/** To how many sessions something went. */
export const deliveredForm = z.object({
  delivered: z.int().min(0).meta({ description: 'sessions that it was sent to' }),
  incomplete: z
    .array(z.string())
    .optional()
    .meta({ description: 'replicas that did not answer in time, whose sessions are not counted' }),
});

/** Null where the symbol is listed. */
export type WhyUnlisted = (symbol: string) => 'unknown_symbol' | 'retired' | null;

/** The symbol as it is listed; throws `Refused` where the text is none, or none that is listed. */
export function listedSymbol(text: string, whyUnlisted: WhyUnlisted): string {
  const symbol = parsedSymbol(text);
  const why = whyUnlisted(symbol);
  if (why !== null)
    throw new Refused(why, `${symbol} is ${why === 'retired' ? 'no longer' : 'not'} listed here`);
  return symbol;
}

/** The symbol in its one spelling; throws `Refused` where the text is none. */
export function parsedSymbol(text: string): string {
  const symbol = parseSymbol(text);
  if (symbol === null)
    throw new Refused('bad_symbol', `${JSON.stringify(text.slice(0, 40))} is not a symbol such as BTC-USD`);
  return symbol;
}
