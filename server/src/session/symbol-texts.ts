/**
 * What is told of a symbol to whoever subscribes to it, as JSON: made once for each head and kept while it is the head, so
 * that a storm of subscribers costs one encoding a symbol and not one a client. Knows no sockets.
 */
import type { Quote, SubscribeResult } from '../../protocol/index.ts';
import { assert } from '../support/assert.ts';
import { SnapshotText } from './json-text.ts';

/**
 * Those of a symbol at one head: the same object while the head and its staleness last, by which sets are compared.
 */
export interface SymbolTexts {
  readonly symbol: string;
  /** The quote as a snapshot has it. */
  readonly quote: string;
  /** The entry of the symbol in the results of a subscribe to each tick that begins at that head. */
  readonly result: string;
}

/** The payloads of an answer and its snapshot to one who asks for these symbols and has no others. */
export interface SetTexts {
  readonly answer: string;
  readonly snapshot: SnapshotText;
}

interface Kept extends SymbolTexts {
  readonly head: Quote;
  readonly stale: boolean;
}

/** Sets of symbols whose texts are kept. All are forgotten at once. */
const maxSets = 32;

/**
 * Gives a function that puts the texts of several symbols together, of one at least. What it made is kept while the texts are
 * the same: most clients of a page share a few sets of symbols.
 */
export function createTextsOfSet() {
  const byFirst = new Map<SymbolTexts, SetTexts & { readonly of: readonly SymbolTexts[] }>();

  return (list: readonly SymbolTexts[]): SetTexts => {
    const [first] = list;
    assert(first !== undefined, 'a set has a symbol');
    const kept = byFirst.get(first);
    if (kept !== undefined && isSame(kept.of, list)) return kept;
    const set = {
      of: list,
      answer: answerText(
        list.map(({ symbol }) => symbol),
        list.map(({ result }) => result),
      ),
      snapshot: new SnapshotText(
        list.map(({ quote }) => quote),
        'subscribe',
      ),
    };
    if (byFirst.size >= maxSets) byFirst.clear();
    byFirst.set(first, set);
    return set;
  };
}

function isSame(a: readonly unknown[], b: readonly unknown[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** The answer to a subscribe, `symbols` being the whole set of the session and `results` entries as texts. */
export function answerText(symbols: readonly string[], results: readonly string[]): string {
  return `{"ok":true,"symbols":${JSON.stringify(symbols)},"results":{${results.join()}}}`;
}

/** Gives a function that tells the texts of a symbol whose head it is given. Keeps those of each symbol that was asked for. */
export function createSymbolTexts({ isStale }: { isStale: (symbol: string) => boolean }) {
  const bySymbol = new Map<string, Kept>();

  return (head: Quote): SymbolTexts => {
    const stale = isStale(head.symbol);
    const kept = bySymbol.get(head.symbol);
    if (kept !== undefined && kept.head === head && kept.stale === stale) return kept;
    const { gen, seq } = head;
    const result: SubscribeResult = { ok: true, gen, seq, everyMs: 0, recovered: false, replayed: 0 };
    const texts: Kept = {
      symbol: head.symbol,
      head,
      stale,
      quote: JSON.stringify({ ...head, stale }),
      result: `${JSON.stringify(head.symbol)}:${JSON.stringify(result)}`,
    };
    bySymbol.set(head.symbol, texts);
    return texts;
  };
}
