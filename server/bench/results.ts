/** What the rounds of a row come to, and the document of a whole run. Pure. */
import { median } from './median.ts';
import { isMet, slack, type Result, type Row } from './rows.ts';

/** One round of a row: both figures, measured one after the other. */
export interface Round {
  ours: number;
  peer: number;
}

/** How the driver was during an experiment: where it is late or busy, ages and speeds are in part its own. */
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

/**
 * Medians over the rounds, in the row's unit. Ratios too are made round by round, of figures that were measured one
 * after the other.
 */
export function resultOf(row: Row, rounds: readonly Round[]): Result {
  const ratios = rounds.map(({ ours, peer }) => (row.ratioOf === 'ours / peer' ? ours / peer : peer / ours));
  return {
    row,
    ours: median(rounds.map(({ ours }) => ours)),
    peer: median(rounds.map(({ peer }) => peer)),
    ratio: median(ratios),
    spread: [Math.min(...ratios), Math.max(...ratios)],
    rounds: rounds.length,
  };
}

/** Three digits that count. */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return '-';
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value) || 1)));
  return value.toFixed(Math.min(digits, 3));
}

/** One line for people: what came out. */
export function resultLine(result: Result): string {
  const { row, ours, peer, ratio } = result;
  const goal =
    row.goal === null ? '' : `, goal ${row.goal.is} ${row.goal.ratio}: ${isMet(result) ? 'met' : 'NOT MET'}`;
  return `${row.figure}: ours ${figure(ours)} ${row.unit}, ${row.peer} ${figure(peer)}, ${row.ratioOf} = ${figure(ratio)}${goal}`;
}

/** The last line of a run: how many goals were met. Rows without one are neither met nor missed. */
export function closingLine(results: readonly Pick<Result, 'row' | 'ratio'>[]): string {
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
    `with ${machine.memoryGb} GB, ${machine.system}. Clients, servers, Redis and Nginx share them: read the figures as ratios.`,
    `When it began, ${figure(machine.load)} other processes wanted a core: above 1, figures vary from round to round.`,
    '',
    'Every figure stands beside the others of the same run: peers take turns, round by round, and each row is the median of its rounds. Clients are',
    'real sockets in a process of their own, which checks every byte and every seq: a run with a tick missing or repeated is no result. `stock` is',
    'Socket.IO as its documentation shows it, `ws` a plain WebSocket server with one send per tick and client, `floor` one raw `net` write',
    'of the very same bytes per client and turn. `ours` runs as it is shipped.',
    '',
    '| figure | unit | ours | against | peer | ratio | rounds from - to | goal | met |',
    '| --- | --- | ---: | --- | ---: | ---: | --- | --- | --- |',
    ...results.map((result) => {
      const { row, ours, peer, ratio, spread } = result;
      const goal = row.goal === null ? '' : `${row.goal.is} ${row.goal.ratio}`;
      const met = row.goal === null ? '' : isMet(result) ? 'yes' : 'no';
      return `| ${row.figure} | ${row.unit} | ${figure(ours)} | ${row.peer} | ${figure(peer)} | ${row.ratioOf} = ${figure(ratio)} | ${spread.map(figure).join(' - ')} | ${goal} | ${met} |`;
    }),
    '',
    'What stands behind these figures:',
    '',
    ...notes.map((line) => `- ${line}`),
    '',
    'The driver itself, median of its rounds:',
    '',
    '| experiment | late, p99 | share of a core |',
    '| --- | ---: | ---: |',
    ...drivers.map(
      ({ experiment, lagP99, busy }) => `| ${experiment} | ${figure(lagP99)} ms | ${figure(busy)} |`,
    ),
    '',
  ].join('\n');
}
