/** What the rounds of a row come to, and the document of a whole run. Pure. */
import { median } from './statistics.ts';
import { isMet, slack, type Result, type Row } from './rows.ts';

/** One round of a row: ours and the peer's, measured one after the other. A row without a peer has none. */
export interface Round {
  ours: number;
  peer?: number;
}

/** How the driver was during an experiment: if it is late or busy, ages and speeds are in part its own. */
export interface DriverState {
  experiment: string;
  lagP99: number;
  busy: number;
}

/** What a run was measured on, and when: memory in units of 2^30 bytes, the date as YYYY-MM-DD by UTC. */
export interface Machine {
  cpu: string;
  cores: number;
  memoryGb: number;
  system: string;
  node: string;
  commit: string;
  date: string;
  /** How many processes wanted a core when it began, over a minute. */
  load: number;
}

/** Medians over the rounds, in the row's unit. Ratios are made round by round too. */
export function resultOf(row: Row, rounds: readonly Round[]): Result {
  const values = rounds.map(({ ours, peer = NaN }) => {
    if (row.compare === 'ours') return ours;
    return row.compare === 'ours / peer' ? ours / peer : peer / ours;
  });
  return {
    row,
    ours: median(rounds.map(({ ours }) => ours)),
    peer: median(rounds.map(({ peer = NaN }) => peer)),
    value: median(values),
    spread: [Math.min(...values), Math.max(...values)],
    rounds: rounds.length,
  };
}

/** Three significant digits. */
export function shown(value: number): string {
  if (!Number.isFinite(value)) return '-';
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value) || 1)));
  return value.toFixed(Math.min(digits, 3));
}

/** One line for people: the result of a row. */
export function resultLine(result: Result): string {
  const { row, ours, peer, value } = result;
  const { goal } = row;
  const against = row.peer === null ? '' : `, ${row.peer} ${shown(peer)}, ${row.compare} = ${shown(value)}`;
  const outcome =
    goal === null ? '' : `, goal ${goal.is} ${shown(goal.value)}: ${isMet(result) ? 'met' : 'NOT MET'}`;
  return `${row.title}: ours ${shown(ours)} ${row.unit}${against}${outcome}`;
}

/** The last line of a run: how many goals were met. Rows without one are neither met nor missed. */
export function closingLine(results: readonly Pick<Result, 'row' | 'value'>[]): string {
  const withGoal = results.filter(({ row }) => row.goal !== null);
  const met = withGoal.filter((result) => isMet(result)).length;
  const far = withGoal.filter((result) => !isMet(result, slack)).length;
  const without = results.length - withGoal.length;
  return `${met} of ${withGoal.length} goals met, ${far} missed by more than a quarter; rows without a goal: ${without}`;
}

/** The whole document. */
export function resultsDocument({
  results,
  notes,
  drivers,
  machine,
}: {
  results: readonly Result[];
  notes: readonly string[];
  drivers: readonly DriverState[];
  machine: Machine;
}): string {
  return [
    '# What a delivery costs',
    '',
    `Written by \`npm run bench\` on ${machine.date} at commit ${machine.commit} with Node ${machine.node}, on ${machine.cores} cores of ${machine.cpu}`,
    `with ${machine.memoryGb} GB, ${machine.system}. Clients, servers, Redis and Nginx share them: read the numbers as ratios.`,
    `When it began, ${shown(machine.load)} other processes wanted a core. Above 1, numbers vary from round to round.`,
    '',
    'Peers of a row take turns in one run, round by round. Each row is the median of its rounds. Clients are real sockets in a process of',
    'their own, which checks every byte and every seq: a run with a missing or repeated tick is no result. CPU is that of the whole server',
    'process, per tick that arrived at a client. `stock` is Socket.IO as its documentation shows it. `ws` is a plain WebSocket server with one',
    'send per tick and client. `bun` is a server in Bun with one `publish` per tick. `floor` is one raw `net` write of the same bytes per',
    'client and turn. `ours` runs as it is shipped. **In phase**: all symbols tick in one turn. **Out of phase**: each symbol ticks at a time of its own.',
    '',
    '| row | unit | ours | against | peer | result | rounds from - to | goal | met |',
    '| --- | --- | ---: | --- | ---: | ---: | --- | --- | --- |',
    ...results.map((result) => {
      const { row, ours, peer, value, spread } = result;
      const goal = row.goal === null ? '' : `${row.goal.is} ${shown(row.goal.value)}`;
      const met = row.goal === null ? '' : isMet(result) ? 'yes' : 'no';
      return `| ${row.title} | ${row.unit} | ${shown(ours)} | ${row.peer ?? ''} | ${shown(peer)} | ${row.compare} = ${shown(value)} | ${spread.map(shown).join(' - ')} | ${goal} | ${met} |`;
    }),
    '',
    'More about these numbers:',
    '',
    ...notes.map((line) => `- ${line}`),
    '',
    'The driver itself, median of its rounds:',
    '',
    '| experiment | late, p99 | share of a core |',
    '| --- | ---: | ---: |',
    ...drivers.map(
      ({ experiment, lagP99, busy }) => `| ${experiment} | ${shown(lagP99)} ms | ${shown(busy)} |`,
    ),
    '',
  ].join('\n');
}
