/** The list of symbols to choose from, with a filter. */
import { useComputed, useSignal } from '@preact/signals';
import { useRef } from 'preact/hooks';
import type { Screen } from './screen.ts';

/** More are found by filtering: a list of thousands is neither read nor drawn. */
const maxShown = 200;

/**
 * Offers what the feed lists and, behind it, rows of symbols that it does not. Each box that is checked is chosen at
 * once.
 */
export function SymbolPicker({ screen }: { screen: Screen }) {
  const filter = useSignal('');
  const isOpen = useSignal(false);
  const opener = useRef<HTMLButtonElement>(null);
  const offered = useComputed(() => [...new Set([...screen.listed.value, ...screen.rows.value])]);
  const found = useComputed(() => {
    const text = filter.value.trim().toUpperCase();
    return offered.value.filter((symbol) => symbol.includes(text));
  });
  const chosen = new Set(screen.rows.value);

  function choose(symbols: readonly string[], isChosen: boolean): void {
    const next = new Set(screen.rows.value);
    for (const symbol of symbols) {
      if (isChosen) next.add(symbol);
      else next.delete(symbol);
    }
    screen.choice.value = offered.value.filter((symbol) => next.has(symbol));
  }

  function closeOnEscape(event: KeyboardEvent): void {
    if (event.key !== 'Escape' || !isOpen.value) return;
    isOpen.value = false;
    // What had the focus is gone.
    opener.current?.focus();
  }

  return (
    <section class="picker" data-open={isOpen.value} aria-labelledby="picker-title" onKeyDown={closeOnEscape}>
      <header>
        <h2 id="picker-title">Symbols</h2>
        <span class="count">
          {chosen.size} of {offered.value.length}
        </span>
        <button
          ref={opener}
          type="button"
          class="opener"
          aria-expanded={isOpen.value}
          aria-controls="picker-body"
          onClick={() => (isOpen.value = !isOpen.value)}
        >
          {isOpen.value ? 'Done' : 'Choose'}
        </button>
      </header>
      <div id="picker-body" class="body">
        <input
          type="search"
          placeholder="Filter"
          aria-label="Filter symbols"
          autocomplete="off"
          spellcheck={false}
          value={filter}
          onInput={(event) => (filter.value = event.currentTarget.value)}
        />
        <div class="bulk">
          <button type="button" onClick={() => choose(found.value, true)}>
            Choose all
          </button>
          <button type="button" onClick={() => choose(found.value, false)}>
            Choose none
          </button>
        </div>
        <ul>
          {found.value.slice(0, maxShown).map((symbol) => (
            <li key={symbol}>
              <label>
                <input
                  type="checkbox"
                  checked={chosen.has(symbol)}
                  onChange={(event) => choose([symbol], event.currentTarget.checked)}
                />
                {symbol}
              </label>
            </li>
          ))}
        </ul>
        {found.value.length === 0 && <p class="note">Nothing has that name.</p>}
        {found.value.length > maxShown && (
          <p class="note">And {found.value.length - maxShown} more: filter to find them.</p>
        )}
      </div>
    </section>
  );
}
