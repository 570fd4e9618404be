/**
 * Which source each listed symbol belongs to: exactly one. Pure; the same settings give the same answer on every
 * replica, so that any of them can refuse a push without asking the leader.
 */
import { refusal, type Refusal } from '../../protocol/index.ts';
import { catalogueSymbols } from './catalogue.ts';
import type { FeedName } from './feed.ts';
import type { FeedEntry } from './feeds-setting.ts';

/** Where every listed symbol comes from. */
export interface Assignment {
  /** Every listed symbol, in the order of its source. */
  readonly symbols: readonly string[];
  /** The symbols of each source, in the order in which the sources were named; a source may have none. */
  readonly bySource: ReadonlyMap<string, readonly string[]>;
  readonly sourceOf: ReadonlyMap<string, string>;
}

/** The assignment, or every problem with what was asked for, as a sentence for people. */
export type Assigned = { ok: true; assignment: Assignment } | { ok: false; problems: string[] };

/** What a push source may be pushed when nobody listed anything: a newcomer's first symbol. */
const demoSymbol = 'DEMO';

const namesShown = 10;

function listed(symbols: readonly string[]): string {
  const more = symbols.length - namesShown;
  return symbols.slice(0, namesShown).join(', ') + (more > 0 ? ` and ${more} more` : '');
}

/**
 * Gives each symbol its source. A source's own list comes first and lists its symbols even where `SYMBOLS` does not
 * name them; the rest of `SYMBOLS` goes to the first source without a list. Without `SYMBOLS` a simulator without a
 * list takes the rest of its catalogue, and a push source without one takes `demoSymbol`.
 * Problems are sentences without a variable's name.
 */
export function assignSymbols(asked: {
  feeds: readonly FeedEntry[];
  symbols: readonly string[] | undefined;
}): Assigned {
  const { feeds, symbols } = asked;
  const problems: string[] = [];
  const sourceOf = new Map<string, FeedName>();
  const bySource = new Map<FeedName, string[]>(feeds.map(({ name }) => [name, []]));

  function give(symbol: string, name: FeedName): void {
    sourceOf.set(symbol, name);
    bySource.get(name)?.push(symbol);
  }

  for (const { name, symbols: own } of feeds) {
    for (const symbol of own ?? []) {
      const other = sourceOf.get(symbol);
      if (other === undefined) give(symbol, name);
      else problems.push(`${symbol} is given to both ${other} and ${name}`);
    }
  }

  const open = feeds.filter((feed) => feed.symbols === null).map(({ name }) => name);
  const isFree = (symbol: string): boolean => !sourceOf.has(symbol);
  if (symbols === undefined) {
    for (const name of open) {
      const usual = name === 'simulator' ? catalogueSymbols : [demoSymbol];
      for (const symbol of usual.filter(isFree)) give(symbol, name);
    }
  } else {
    const rest = symbols.filter(isFree);
    const [first] = open;
    if (first !== undefined) for (const symbol of rest) give(symbol, first);
    else if (rest.length > 0) problems.push(`no source is given ${listed(rest)}`);
  }

  if (problems.length > 0) return { ok: false, problems };
  return { ok: true, assignment: { symbols: [...bySource.values()].flat(), bySource, sourceOf } };
}

/** Whether these symbols may be pushed: null, or the refusal that names the ones that may not. Unlisted ones come first. */
export function refusePush(
  symbols: Iterable<string>,
  { sourceOf, retired }: { sourceOf: ReadonlyMap<string, string>; retired?: ReadonlySet<string> },
): Refusal | null {
  const gone = new Set<string>();
  const unlisted = new Set<string>();
  const foreign = new Set<string>();
  for (const symbol of symbols) {
    const source = sourceOf.get(symbol);
    if (source === undefined) (retired?.has(symbol) === true ? gone : unlisted).add(symbol);
    else if (source !== 'push') foreign.add(`${symbol} (${source})`);
  }
  if (unlisted.size > 0) return refusal('unknown_symbol', `not listed here: ${listed([...unlisted])}`);
  if (gone.size > 0) return refusal('retired', `no longer listed here: ${listed([...gone])}`);
  if (foreign.size > 0)
    return refusal('symbol_of_other_source', `from another source: ${listed([...foreign])}`);
  return null;
}
