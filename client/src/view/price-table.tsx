/** The table of prices. Redraws only when the set of rows does. */
import { PriceRow } from './price-row.tsx';
import type { Screen } from './screen.ts';

/** One row for each chosen symbol; where there is none, a sentence that says why. */
export function PriceTable({ screen }: { screen: Screen }) {
  const rows = screen.rows.value;
  if (rows.length === 0) return <Empty screen={screen} />;
  return (
    // Focusable, so that the keyboard can scroll what does not fit.
    <div class="scroll" role="region" aria-label="Prices" tabIndex={0}>
      <table>
        <caption class="spoken">Live prices, one row for each chosen symbol</caption>
        <thead>
          <tr>
            <th scope="col">Symbol</th>
            <th scope="col" class="number">
              Price
            </th>
            <th scope="col" class="number">
              Change<span class="spoken"> since the last close, or else since the day began</span>
            </th>
            <th scope="col" class="number">
              Age
            </th>
            <th scope="col" class="number">
              Low
            </th>
            <td class="range" />
            <th scope="col" class="high">
              High
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map((symbol) => (
            <PriceRow key={symbol} screen={screen} symbol={symbol} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Empty({ screen }: { screen: Screen }) {
  if (screen.signIn.value !== null) return <p class="empty">Sign in to see prices.</p>;
  const isWaiting = screen.feed.value === null;
  return <p class="empty">{isWaiting ? 'Waiting for the list of symbols.' : 'No symbol is chosen.'}</p>;
}
