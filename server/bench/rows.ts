/** The rows of the benchmark. Each names its figure, the peer, and the goal. */

interface Goal {
  is: 'at most' | 'at least';
  value: number;
}

/** One line of the results. */
export interface Row {
  title: string;
  unit: string;
  /** What ours is compared with; null if the goal is a bound in the row's own unit. */
  peer: string | null;
  /** How the result is made. */
  compare: 'ours / peer' | 'peer / ours' | 'ours';
  /** Null for a row that only informs. */
  goal: Goal | null;
}

/** What a row came to: medians over the rounds. The value that the goal is about is the median of the rounds' values. */
export interface Result {
  row: Row;
  ours: number;
  peer: number;
  value: number;
  /** The least and the greatest value of a round. */
  spread: [number, number];
  rounds: number;
}

/** A value that misses its goal by more than this share, a quarter, fails the run. */
export const slack = 0.25;

/** Whether the value is as good as the goal, or worse by no more than that share; always if there is no goal. */
export function isMet({ row: { goal }, value }: Pick<Result, 'row' | 'value'>, share = 0): boolean {
  if (goal === null) return true;
  return goal.is === 'at most' ? value <= goal.value * (1 + share) : value >= goal.value * (1 - share);
}

const cpu = 'CPU-µs per tick delivered';
const atMost = (value: number): Goal => ({ is: 'at most', value });
const atLeast = (value: number): Goal => ({ is: 'at least', value });

const symbolsEach = (count: number) => `${count} symbol${count === 1 ? '' : 's'} each`;

const ratio = (title: string, peer: string, goal: Goal | null, unit = cpu): Row => ({
  title,
  unit,
  peer,
  compare: 'ours / peer',
  goal,
});
const times = (title: string, peer: string, goal: Goal | null, unit = cpu): Row => ({
  ...ratio(title, peer, goal, unit),
  compare: 'peer / ours',
});
const bound = (title: string, unit: string, goal: Goal | null): Row => ({
  title,
  unit,
  peer: null,
  compare: 'ours',
  goal,
});

const stage = (what: string) => `fan-out stage, 1,000 clients, in phase, ${what}`;
const inPhase = (symbols: number) => `whole server, 1,000 clients, in phase, ${symbolsEach(symbols)}`;
const outOfPhase = (symbols: number, clients = '1,000') =>
  `whole server, ${clients} clients, out of phase, ${symbolsEach(symbols)} at 2 Hz`;
const lone = 'age of a lone tick, 1,000 clients, 1 symbol each at 2 Hz, p50';
const without = (part: string) =>
  ratio(`what it costs: ${stage(symbolsEach(20))}, against ours without ${part}`, 'without', null);
const bus = (what: string) => `bus, a leader and 2 followers over Redis: ${what}`;
const perTick = (part: string, most: number) =>
  bound(bus(`slope of ${part}`), 'CPU-µs per tick', atMost(most));
const atRest = (part: string) => bound(bus(`intercept of ${part}`), 'CPU-ms per second', null);
const busAge = (sources: string, goal: Goal | null) =>
  bound(bus(`age at a follower's client, 5,000 symbols at 2 Hz ${sources}, p99`), 'ms', goal);
const throughput = (pushes: string, least: number) =>
  bound(
    bus(`most ticks per second with an age below 250 ms (p99), pushed over HTTP, ${pushes}`),
    '1/s',
    atLeast(least),
  );
const watching = (what: string) =>
  bound(
    `100 watchers of the cluster's ${what}, which change all the time: what they add to 3 replicas, Redis and Nginx`,
    '% of a core',
    atMost(5),
  );

/** By name, in the order of the table. */
export const rows = {
  stock1: times(stage(symbolsEach(1)), 'stock', atLeast(1)),
  floor20: ratio(stage(symbolsEach(20)), 'floor', atMost(1.15)),
  stock20: times(stage(symbolsEach(20)), 'stock', atLeast(10)),
  ws20: times(stage(symbolsEach(20)), 'ws', null),
  floor100: ratio(stage(symbolsEach(100)), 'floor', atMost(1.25)),
  stock100: times(stage(symbolsEach(100)), 'stock', atLeast(40)),
  ws100: times(stage(symbolsEach(100)), 'ws', null),
  floorOwn: ratio(stage('20 symbols, every client its own set'), 'floor', atMost(1.3)),
  bun1: ratio(inPhase(1), 'bun', atMost(1.5)),
  bun20: ratio(inPhase(20), 'bun', atMost(1)),
  bun100: ratio(inPhase(100), 'bun', atMost(0.7)),
  spreadBun20: ratio(outOfPhase(20), 'bun', atMost(0.6)),
  spreadStock20: ratio(outOfPhase(20), 'stock', atMost(1 / 3)),
  spreadWs20: ratio(outOfPhase(20), 'ws', null),
  spreadFloor20: ratio(outOfPhase(20), 'floor', null),
  spreadAge20: bound(`age of a tick, ${outOfPhase(20)}, p99`, 'ms', atMost(80)),
  spreadBun100: ratio(outOfPhase(100), 'bun', atMost(0.3)),
  spreadFloor100: ratio(outOfPhase(100), 'floor', null),
  spreadAge100: bound(`age of a tick, ${outOfPhase(100)}, p99`, 'ms', atMost(80)),
  fewerBun100: ratio(outOfPhase(100, '250'), 'bun', null),
  fewerStock100: ratio(outOfPhase(100, '250'), 'stock', null),
  fewerWs100: ratio(outOfPhase(100, '250'), 'ws', null),
  fewerFloor100: ratio(outOfPhase(100, '250'), 'floor', null),
  loneStock: ratio(lone, 'stock', atMost(1), 'ms'),
  loneAtOnce: ratio(lone, 'ours with FLUSH_MS=0', atMost(1), 'ms'),
  embedded: ratio(
    'npm start with 2 workers, 1,000 clients, out of phase, 20 symbols each at 2 Hz',
    'bun',
    null,
  ),
  clusterCpu: times(
    'whole cluster: 2 replicas, Redis and Nginx, 1,000 clients, 20 symbols at 2 Hz',
    'stock',
    atLeast(11),
  ),
  clusterAge: ratio(
    'age of a tick at the client through Nginx, the same cluster, p99',
    'stock',
    atMost(0.2),
    'ms',
  ),
  busLeader: perTick('the leader', 12),
  busFollower: perTick('a follower', 6),
  busRedis: perTick('Redis', 5),
  busLeaderRest: atRest('the leader'),
  busFollowerRest: atRest('a follower'),
  busRedisRest: atRest('Redis'),
  busIdle: bound(bus('a replica without clients and ticks'), 'CPU-ms per second', atMost(6)),
  busAge: busAge('out of phase', atMost(60)),
  busAgeInPhase: busAge('in phase', null),
  pushHundreds: throughput('100 per request', 25_000),
  pushOnes: throughput('1 per request', 3_000),
  memory: ratio('resident memory per idle WebSocket', 'stock', atMost(0.6), 'KB'),
  manySymbols: bound(
    'resident memory of a replica with 10,000 symbols at 2 Hz and 1,000 clients, 20 symbols each',
    'MB',
    atMost(300),
  ),
  connects: ratio(
    'connects per second: ours with subscribe and snapshot, stock with a join',
    'stock',
    atLeast(1),
    '1/s',
  ),
  sizes: ratio(
    'CPU per delivery at 250, 1,000 and 4,000 clients: largest against smallest',
    'the smallest',
    atMost(1.3),
  ),
  stuck: ratio(
    'one stuck client among 1,000: p99 age at the others, against without it',
    'without it',
    atMost(1.1),
    'ms',
  ),
  watchers: watching('counts'),
  watchersOfDetails: watching('details'),
  flushWindow: without('the flush window'),
  windows: without('windows of slow clients (pings, pongs and what is held back)'),
  recovery: without('recovery (history and replay)'),
  metrics: without('metrics (counters, histograms of age and size)'),
} as const satisfies Record<string, Row>;
