/** What the page received since it was opened, so that anybody can see that nothing is lost in silence. */
import type { Counters } from '../stream/index.ts';
import { formatCount } from './format.ts';
import type { Screen } from './screen.ts';

const shown: readonly [name: keyof Counters, word: string, meaning: string][] = [
  ['ticks', 'ticks', 'Price changes received since this page was opened'],
  ['gaps', 'gaps', 'Times that ticks of a symbol were missing'],
  ['recovered', 'recovered', 'Gaps that were filled with every missing tick'],
  ['merged', 'merged', 'Ticks that came merged into a later one'],
  ['duplicates', 'duplicates', 'Ticks that came twice and were dropped'],
];

/** The foot of the page; counts move once a second and not with each tick. */
export function CountBar({ screen }: { screen: Screen }) {
  const counters = screen.counters.value;
  return (
    <footer class="counts">
      <dl>
        {shown.map(([name, word, meaning]) => (
          <div key={name} title={meaning}>
            <dt>{word}</dt>
            <dd>{formatCount(counters[name])}</dd>
          </div>
        ))}
      </dl>
    </footer>
  );
}
