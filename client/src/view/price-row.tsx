/** One row of the table. Redraws when its own signal changes; its age when the second does. */
import type { ReadonlySignal } from '@preact/signals';
import type { Quote } from '../../../server/protocol/index.ts';
import { changeOf, type Direction, type Freshness } from '../store/index.ts';
import { formatAge, formatDecimal, placeBetween, splitMoved } from './format.ts';
import type { Line, Screen } from './screen.ts';

const arrows: Record<Direction, [glyph: string, word: string]> = {
  up: ['▲', 'up'],
  down: ['▼', 'down'],
  same: ['', 'unchanged'],
};

/** The word for a row that is not the present; an empty one for the row that is. */
const marks: Record<Freshness, string> = {
  live: '',
  stale: 'stale',
  offline: 'offline',
  empty: 'no price yet',
  pending: 'waiting',
  unlisted: 'not served',
  retired: 'retired',
};

interface PriceRowProps {
  screen: Screen;
  symbol: string;
}

/** Draws nothing where the symbol has no row any more. A refusal's message is the tooltip of its mark. */
export function PriceRow({ screen, symbol }: PriceRowProps) {
  const line = screen.line(symbol).value;
  if (line === null) return null;
  const { row, freshness } = line;
  const { quote } = row;
  return (
    <tr data-symbol={symbol} data-freshness={freshness}>
      <th scope="row">{symbol}</th>
      <PriceCell line={line} />
      <ChangeCell quote={quote} />
      <td class="age">
        {marks[freshness] !== '' && (
          <span class="mark" title={row.problem?.message}>
            {marks[freshness]}
          </span>
        )}
        <Age screen={screen} symbol={symbol} now={screen.now} />
      </td>
      <td class="low">{quote === null ? '–' : formatDecimal(quote.low)}</td>
      <td class="range" aria-hidden="true">
        {quote !== null && <Range quote={quote} />}
      </td>
      <td class="high">{quote === null ? '–' : formatDecimal(quote.high)}</td>
    </tr>
  );
}

function PriceCell({ line: { row } }: { line: Line }) {
  const { quote, direction, previous, ticks } = row;
  if (quote === null) return <td class="price">–</td>;
  const [glyph, word] = arrows[direction];
  const [stayed, moved] = splitMoved(
    formatDecimal(quote.price),
    previous === null ? null : formatDecimal(previous),
  );
  // Two names for one animation: a class that changes starts it anew, with no timer and no reading of layout.
  const beat = ticks === 0 ? '' : ticks % 2 === 0 ? 'even' : 'odd';
  return (
    <td class={`price ${direction}`}>
      <span class="value" data-beat={beat}>
        {stayed}
        <span class="moved">{moved}</span>
      </span>
      <span class="arrow" aria-hidden="true">
        {glyph}
      </span>
      <span class="spoken">, {word}</span>
    </td>
  );
}

const signs = { up: '+', down: '−', same: '' } as const;

function ChangeCell({ quote }: { quote: Quote | null }) {
  if (quote === null) return <td class="change">–</td>;
  const { sign, amount, percent } = changeOf(quote);
  return (
    <td class={`change ${sign}`}>
      <span class="amount">
        {signs[sign]}
        {formatDecimal(amount)}
      </span>{' '}
      <span class="percent">{percent === null ? '–' : `${signs[sign]}${percent} %`}</span>
    </td>
  );
}

function Age({ screen, symbol, now }: PriceRowProps & { now: ReadonlySignal<number> }) {
  // Reading it subscribes: the age moves with the second and not with each tick.
  void now.value;
  const age = screen.age(symbol);
  return <>{age === null ? '' : formatAge(age)}</>;
}

function Range({ quote: { price, low, high } }: { quote: Quote }) {
  const at = 4 + 56 * placeBetween(price, low, high);
  return (
    <svg viewBox="0 0 64 12" width="64" height="12">
      <path class="track" d="M4 6H60" />
      <circle class="place" cx={at.toFixed(1)} cy="6" r="3" />
    </svg>
  );
}
