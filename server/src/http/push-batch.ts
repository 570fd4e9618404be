/**
 * The body of `PUT /api/ticks`: parsed and checked here, once. The whole list is good or nothing of it is taken, and
 * what is wrong is said for each place. Whether a symbol may be pushed is not known here.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import {
  compareDecimals,
  decimalOfNumber,
  isDecimal,
  isPositive,
  limits,
  parseSymbol,
  refusal,
  significantDigits,
  type DayFigures,
  type Decimal,
  type Refusal,
} from '../../protocol/index.ts';

/** One pushed price. */
export interface PushedTick {
  symbol: string;
  price: Decimal;
  size?: Decimal;
  /** Epoch milliseconds of the sender, or of the arrival where it gave none. */
  ts: number;
  /** What the sender states of the day. */
  day?: Partial<DayFigures>;
}

interface ParsedPush {
  ok: true;
  ticks: PushedTick[];
  /** Stands for what was sent: the same for the same content, however it was written, and whenever it came. */
  hash: string;
}

/** Problems that one answer names. */
const maxProblems = 20;
const earliestTs = Date.UTC(2000, 0, 1);

const decimal = z
  .union([z.string(), z.number()], { error: 'must be a decimal number, as text or as a number' })
  .transform((value, context): Decimal => {
    if (typeof value === 'string') {
      if (!isDecimal(value))
        context.addIssue('must be a plain decimal such as "64250.10": digits and one point');
      else if (significantDigits(value) > limits.maxSignificantDigits)
        context.addIssue(`must have at most ${limits.maxSignificantDigits} significant digits`);
      return value;
    }
    const written = value < 0 ? null : decimalOfNumber(value);
    if (value < 0) context.addIssue('must not be negative');
    else if (written === null)
      context.addIssue('has more digits than a JSON number holds for certain (15): send it as text');
    return written ?? '';
  });
const positive = decimal.refine(isPositive, { error: 'must be more than 0' });

const symbol = z.string({ error: 'must be a symbol such as "BTC-USD"' }).transform((text, context) => {
  const parsed = parseSymbol(text);
  if (parsed === null)
    context.addIssue(`${JSON.stringify(text.slice(0, 40))} is not a symbol such as "BTC-USD"`);
  return parsed ?? '';
});

const isAbove = (a: Decimal | undefined, b: Decimal | undefined): boolean =>
  a !== undefined && b !== undefined && compareDecimals(a, b) > 0;

const pushedTick = z
  .strictObject({
    symbol,
    price: positive,
    size: decimal.optional(),
    ts: z
      .int({ error: 'must be epoch milliseconds, a whole number' })
      .min(earliestTs, 'lies before the year 2000')
      .optional(),
    open: positive.optional(),
    high: positive.optional(),
    low: positive.optional(),
    close: positive.optional(),
    volume: decimal.optional(),
  })
  .superRefine(({ price, high, low }, context) => {
    if (isAbove(low, high)) context.addIssue({ code: 'custom', path: ['high'], message: 'is below low' });
    if (isAbove(price, high)) context.addIssue({ code: 'custom', path: ['high'], message: 'is below price' });
    if (isAbove(low, price)) context.addIssue({ code: 'custom', path: ['low'], message: 'is above price' });
  });

type SentTick = z.output<typeof pushedTick>;

function problemsOf(index: number, issues: readonly z.core.$ZodIssue[]): string[] {
  const place = `ticks[${index}]`;
  return issues.flatMap((issue) => {
    if (issue.code === 'unrecognized_keys')
      return issue.keys
        .slice(0, maxProblems)
        .map((key) => `${place}: ${JSON.stringify(key.slice(0, 40))} is no field of a tick`);
    const at = [place, ...issue.path].join('.');
    return `${at}: ${issue.path.length === 0 && issue.code === 'invalid_type' ? 'must be an object' : issue.message}`;
  });
}

function tickOf(sent: SentTick, now: number): PushedTick {
  const tick: PushedTick = { symbol: sent.symbol, price: sent.price, ts: sent.ts ?? now };
  if (sent.size !== undefined) tick.size = sent.size;
  const day: Partial<DayFigures> = {};
  if (sent.open !== undefined) day.open = sent.open;
  if (sent.high !== undefined) day.high = sent.high;
  if (sent.low !== undefined) day.low = sent.low;
  if (sent.volume !== undefined) day.volume = sent.volume;
  // What a day bar calls close is, while the day lasts, the last one's.
  if (sent.close !== undefined) day.prevClose = sent.close;
  if (Object.keys(day).length > 0) tick.day = day;
  return tick;
}

function hashOf(sent: readonly SentTick[]): string {
  const content = sent.map((tick) => [
    tick.symbol,
    tick.price,
    tick.size,
    tick.ts,
    tick.open,
    tick.high,
    tick.low,
    tick.close,
    tick.volume,
  ]);
  return createHash('sha256').update(JSON.stringify(content)).digest('base64url');
}

interface RefusedPush {
  ok: false;
  refusal: Refusal;
}

function refuse(name: 'bad_payload' | 'too_many_symbols', message: string): RefusedPush {
  return { ok: false, refusal: refusal(name, message) };
}

/** The body for the document: what `parsePush` takes. */
export const pushForm = z.array(pushedTick).min(1).max(limits.maxTicksPerPush);

/** Parses the body, which arrived at `now` (epoch ms). A refusal's message names index and field of up to 20 problems. */
export function parsePush(body: unknown, now: number): ParsedPush | RefusedPush {
  if (!Array.isArray(body))
    return refuse('bad_payload', 'the body must be a list of ticks: [{"symbol", "price"}, ...]');
  if (body.length === 0) return refuse('bad_payload', 'the list has no tick');
  if (body.length > limits.maxTicksPerPush)
    return refuse(
      'too_many_symbols',
      `${body.length} ticks in one push, at most ${limits.maxTicksPerPush} are taken`,
    );

  const sent: SentTick[] = [];
  const problems: string[] = [];
  for (const [index, item] of body.entries()) {
    const parsed = pushedTick.safeParse(item);
    if (!parsed.success) problems.push(...problemsOf(index, parsed.error.issues));
    else if ((parsed.data.ts ?? now) > now + limits.maxClockAheadMs)
      problems.push(`ticks[${index}].ts: lies more than ${limits.maxClockAheadMs / 1000} s in the future`);
    else sent.push(parsed.data);
    if (problems.length > maxProblems) break;
  }
  if (problems.length > 0) {
    const more = problems.length > maxProblems ? '; and more' : '';
    return refuse('bad_payload', problems.slice(0, maxProblems).join('; ') + more);
  }
  return { ok: true, ticks: sent.map((tick) => tickOf(tick, now)), hash: hashOf(sent) };
}
