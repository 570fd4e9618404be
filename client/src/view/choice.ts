/**
 * Which symbols are shown: what the address names after `#`, else what was chosen last in this browser, else all that
 * are listed, up to a number that still reads as a page.
 */
import { parseSymbol } from '../../../server/protocol/index.ts';

/** Null: whatever is listed. */
export type Choice = readonly string[] | null;

/** Rows of a page on which nobody chose. */
export const maxUnchosenRows = 40;

/** Reads `#BTC-USD,AAPL`; null where it names no symbol. */
export function choiceOfHash(hash: string): Choice {
  const symbols = symbolsOf(decoded(hash.replace(/^#/, '')).split(','));
  return symbols.length > 0 ? symbols : null;
}

/** The address part for a choice; empty where there is nothing to name. */
export function hashOfChoice(choice: Choice): string {
  return choice === null || choice.length === 0 ? '' : `#${choice.join(',')}`;
}

/** Reads what `textOfChoice` wrote; null for anything else. */
export function choiceOfText(text: string | null): Choice {
  if (text === null) return null;
  return text === '' ? [] : symbolsOf(text.split(','));
}

/** The text to keep for a choice, or null to keep nothing. */
export function textOfChoice(choice: Choice): string | null {
  return choice === null ? null : choice.join(',');
}

/** The list with what it no longer names: a row keeps its place when its symbol is retired, and what is new comes last. */
export function listWithRetired(before: readonly string[], listed: readonly string[]): readonly string[] {
  return [...new Set([...before, ...listed])];
}

/** The rows for a choice: listed ones in the list's order, so that rows keep their places, then the others as chosen. */
export function rowsOfChoice(choice: Choice, listed: readonly string[]): readonly string[] {
  if (choice === null) return listed.slice(0, maxUnchosenRows);
  const chosen = new Set(choice);
  const known = listed.filter((symbol) => chosen.delete(symbol));
  return [...known, ...chosen];
}

function symbolsOf(texts: readonly string[]): string[] {
  const symbols = texts.map((text) => parseSymbol(text.trim())).filter((symbol) => symbol !== null);
  return [...new Set(symbols)];
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // A stray % in an address that somebody typed: what it names is not a symbol then, which is told as such.
    return text;
  }
}
