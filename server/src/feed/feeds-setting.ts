/**
 * The text of `FEEDS`: `simulator,push`, or `simulator:BTC-USD,ETH-USD;push:ACME` where a source is given its symbols.
 * Pure, and every problem is reported at once.
 */
import { parseSymbol } from '../../protocol/index.ts';
import { feedNames, type FeedName } from './feed.ts';

/** One source as it was asked for; `symbols` is null where the text gives it no list. */
export interface FeedEntry {
  name: FeedName;
  symbols: readonly string[] | null;
}

/** The sources in their order, or every problem with the text, as a sentence for people. */
export type ParsedFeeds = { ok: true; feeds: FeedEntry[] } | { ok: false; problems: string[] };

/** Names that are sources to come: words that must not be taken for a symbol of the list before them. */
const namesToCome = new Set(['exchange', 'replay']);
const known = `the sources are ${feedNames.join(' and ')}`;

const isFeedName = (text: string): text is FeedName => (feedNames as readonly string[]).includes(text);
const shown = (text: string): string => JSON.stringify(text.slice(0, 40));

/**
 * Parses the text. Sources are separated by `;` or `,`; after `name:` each part is one of its symbols until the next
 * source's name (in lower case, so that `PUSH` may be a symbol). Problems are sentences without the variable's name.
 */
export function parseFeeds(text: string): ParsedFeeds {
  const problems: string[] = [];
  const feeds: { name: FeedName; symbols: string[] | null }[] = [];

  for (const group of text.split(';')) {
    // The list that symbols of this group go to; null where a name without a list came last, or an unusable one.
    let list: string[] | null = null;
    let isUnusable = false;

    for (const part of group.split(',').map((piece) => piece.trim())) {
      const colon = part.indexOf(':');
      const word = colon === -1 ? part : part.slice(0, colon).trim();
      const rest = colon === -1 ? null : part.slice(colon + 1).trim();

      if (part === '') {
        problems.push('has an empty part');
      } else if (isFeedName(word)) {
        if (feeds.some(({ name }) => name === word)) problems.push(`names ${word} twice`);
        list = rest === null ? null : [];
        isUnusable = false;
        feeds.push({ name: word, symbols: list });
        if (rest === '') problems.push(`${word}: names no symbol after the colon`);
        else if (list !== null && rest !== null) addSymbol(list, rest, word);
      } else if (colon !== -1 || namesToCome.has(word) || (list === null && !isUnusable)) {
        problems.push(`${shown(word)} is not a source; ${known}`);
        list = null;
        isUnusable = colon !== -1;
      } else if (list !== null) {
        addSymbol(list, part, feeds.at(-1)?.name ?? '');
      }
    }
  }

  function addSymbol(list: string[], written: string, name: string): void {
    const symbol = parseSymbol(written);
    if (symbol === null) problems.push(`${name}: ${shown(written)} is not a symbol such as BTC-USD`);
    else if (list.includes(symbol)) problems.push(`${name}: ${symbol} is named twice`);
    else list.push(symbol);
  }

  return problems.length > 0 ? { ok: false, problems: [...new Set(problems)] } : { ok: true, feeds };
}
