/** Parses what a plain WebSocket asks for in its address. Pure. SPEC.md [PW1], [PW2]. */
import { limits, parseSymbol, refusal, type Position, type Refusal } from '../../protocol/index.ts';

/** What a plain connection begins with. */
export interface StreamRequest {
  /** Each once, all of them listed. */
  symbols: string[];
  /** The rate of every symbol of the connection. */
  everyMs: number;
  /** Where the client was, by symbol. */
  since: Record<string, Position>;
  /** All that the query says. */
  query: URLSearchParams;
}

/** A parsed address, or why it is refused. */
export type ParsedStream = { ok: true; value: StreamRequest } | { ok: false; refusal: Refusal };

/** Where plain WebSockets come to; a symbol may follow. */
export const streamPath = '/stream';

const offered: readonly number[] = limits.offeredEveryMs;
const wholeNumber = /^\d{1,15}$/;
/** What is shown of a text that was not understood. */
const maxShown = 40;

/** Takes `/stream/SYM` and `/stream?symbols=SYM,SYM&everyMs=MS&since=SYM:GEN:SEQ,...`. */
export function parseStreamRequest(
  url: string,
  whyUnlisted: (symbol: string) => 'unknown_symbol' | 'retired' | null,
): ParsedStream {
  const [path = '', ...rest] = url.split('?');
  const query = new URLSearchParams(rest.join('?'));
  const named = symbolOfPath(path);
  if (named === null) return refuse('not_found');
  const texts = [...named, ...query.getAll('symbols').flatMap((list) => list.split(','))];
  if (texts.length > limits.maxSymbolsPerCall)
    return refuse('too_many_symbols', `at most ${limits.maxSymbolsPerCall} symbols in one call`);
  const symbols = new Set<string>();
  for (const text of texts) {
    const symbol = parseSymbol(text.trim());
    if (symbol === null) return refuse('bad_symbol', `${shown(text)} is not a symbol such as BTC-USD`);
    const why = whyUnlisted(symbol);
    if (why !== null)
      return refuse(why, `${symbol} is ${why === 'retired' ? 'no longer' : 'not'} listed here`);
    symbols.add(symbol);
  }
  const rate = query.get('everyMs') ?? '0';
  const everyMs = wholeNumber.test(rate) ? Number(rate) : NaN;
  if (!offered.includes(everyMs))
    return refuse('rate_not_offered', `everyMs is one of ${offered.join(', ')}`);
  const since = positionsOf(query.get('since') ?? '');
  if (since === null) return refuse('bad_payload', 'since is a list of SYMBOL:GEN:SEQ with commas between');
  return { ok: true, value: { symbols: [...symbols], everyMs, since, query } };
}

/** The symbol behind the path, or none; null where the path is another one. */
function symbolOfPath(path: string): string[] | null {
  if (path === streamPath || path === `${streamPath}/`) return [];
  if (!path.startsWith(`${streamPath}/`)) return null;
  const text = path.slice(streamPath.length + 1);
  try {
    return [decodeURIComponent(text)];
  } catch {
    // No symbol either, and told so.
    return [text];
  }
}

function positionsOf(text: string): Record<string, Position> | null {
  const since: Record<string, Position> = {};
  for (const part of text === '' ? [] : text.split(',')) {
    const [name = '', gen = '', seq = '', ...more] = part.split(':');
    const symbol = parseSymbol(name.trim());
    if (symbol === null || gen === '' || !wholeNumber.test(seq) || more.length > 0) return null;
    since[symbol] = [gen, Number(seq)];
  }
  return since;
}

function shown(text: string): string {
  return JSON.stringify(text.slice(0, maxShown));
}

function refuse(...why: Parameters<typeof refusal>): ParsedStream {
  return { ok: false, refusal: refusal(...why) };
}
