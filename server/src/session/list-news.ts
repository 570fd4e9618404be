/**
 * How sessions learn that the list of symbols changed: after the last tick of what was retired, and in the order of the
 * changes. Knows no session. Keeps SPEC.md [LS2].
 */
import type { SymbolsChange } from '../../protocol/index.ts';

interface ListNewsOptions {
  /** Resolves when the last tick of the symbol is out; must not reject. */
  finish: (symbol: string) => Promise<void>;
  /** Fires with each change when it is its turn. */
  onTurn: (change: SymbolsChange) => void;
}

/** Gives the function that takes each change as it is made. */
export function createListNews({ finish, onTurn }: ListNewsOptions): (change: SymbolsChange) => void {
  let last: Promise<void> = Promise.resolve();
  return (change) => {
    const finished = Promise.all(change.retired.map(finish));
    last = last.then(() => finished).then(() => onTurn(change));
  };
}
