/** How changes of the list of symbols travel in the log. Pure. */
import type { ListChange } from './batch.ts';
import type { SymbolChanges } from './contract.ts';

/** What leads from the changes `before` to those `after`, as the log says it. */
export function changeBetween(
  before: SymbolChanges,
  after: SymbolChanges,
  isKept: (symbol: string) => boolean,
): ListChange {
  const now = new Map(after.feeds);
  const then = new Map(before.feeds);
  const unset = before.feeds.flatMap(([symbol]) => (now.has(symbol) ? [] : [symbol]));
  return {
    version: after.version,
    set: after.feeds.filter(([symbol, feed]) => then.get(symbol) !== feed),
    unset,
    forgotten: unset.filter((symbol) => then.get(symbol) === null && !isKept(symbol)),
  };
}

/** The changes after that one. */
export function applyChange(
  made: SymbolChanges,
  { version, set, unset, isWhole = false }: ListChange,
): SymbolChanges {
  const moved = new Set([...unset, ...set.map(([symbol]) => symbol)]);
  const stay = isWhole ? [] : made.feeds.filter(([symbol]) => !moved.has(symbol));
  return { version, feeds: [...stay, ...set] };
}
