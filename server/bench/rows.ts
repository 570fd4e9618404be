/** The figures that the benchmark promises, one row each: what is compared, which way, and how far it may go. */

interface Goal {
  is: 'at most' | 'at least';
  ratio: number;
}

/** One line of the results: a figure of ours, that of a peer, and what their ratio is to be. */
export interface Row {
  figure: string;
  unit: string;
  /** What ours is held against. */
  peer: string;
  /** How the ratio is made. */
  ratioOf: 'ours / peer' | 'peer / ours';
  /** Null for a row that only tells. */
  goal: Goal | null;
}

/** What a row came to: medians over the rounds. The ratio is the median of the rounds' ratios. */
export interface Result {
  row: Row;
  ours: number;
  peer: number;
  ratio: number;
  /** The least and the greatest ratio of a round. */
  spread: [number, number];
  rounds: number;
}

/** A ratio that is worse than its goal by more than this share, a quarter, fails the run. */
export const slack = 0.25;

/** Whether the ratio is as good as the goal, or worse by no more than that share; always where there is no goal. */
export function isMet({ row: { goal }, ratio }: Pick<Result, 'row' | 'ratio'>, share = 0): boolean {
  if (goal === null) return true;
  return goal.is === 'at most' ? ratio <= goal.ratio * (1 + share) : ratio >= goal.ratio * (1 - share);
}

const stage = 'fan-out stage alone, 1,000 clients';
const cpu = 'CPU-µs per tick delivered';
const atMost = (ratio: number): Goal => ({ is: 'at most', ratio });
const atLeast = (ratio: number): Goal => ({ is: 'at least', ratio });

const inBaskets = (symbols: number) => `${symbols} symbol${symbols === 1 ? '' : 's'} each in 4 baskets`;

const toFloor = (what: string, ratio: number): Row => ({
  figure: `${stage}, ${what}`,
  unit: cpu,
  peer: 'floor',
  ratioOf: 'ours / peer',
  goal: atMost(ratio),
});
const toStock = (what: string, ratio: number): Row => ({
  figure: `${stage}, ${what}`,
  unit: cpu,
  peer: 'stock',
  ratioOf: 'peer / ours',
  goal: atLeast(ratio),
});
const toWs = (what: string): Row => ({ ...toStock(what, 0), peer: 'ws', goal: null });

const without = (part: string): Row => ({
  figure: `what it costs: ${stage}, ${inBaskets(20)}, against ours without ${part}`,
  unit: cpu,
  peer: 'without',
  ratioOf: 'ours / peer',
  goal: null,
});

/** A part of the way from append to the last replica, at so many symbols. */
const bus = (part: string, symbols: string): Row => ({
  figure: `from append to the last of 3 replicas, ${symbols} symbols: ${part}`,
  unit: 'CPU-µs per tick',
  peer: 'at 100 symbols',
  ratioOf: 'ours / peer',
  goal: null,
});

/** What so many watchers add to a whole cluster, against what they may. */
const watching = (what: string): Row => ({
  figure: `100 watchers of the cluster's ${what}, which change all the time: what they add to 3 replicas, Redis and Nginx`,
  unit: '% of a core',
  peer: 'the bound',
  ratioOf: 'ours / peer',
  goal: atMost(1),
});

/** By name, in the order of the table. */
export const rows = {
  floor20: toFloor(inBaskets(20), 1.2),
  floor100: toFloor(inBaskets(100), 1.2),
  floorOwn: toFloor('20 symbols, every client its own basket', 1.5),
  stock1: toStock(inBaskets(1), 1),
  stock20: toStock(inBaskets(20), 10),
  stock100: toStock(inBaskets(100), 40),
  ws20: toWs(inBaskets(20)),
  ws100: toWs(inBaskets(100)),
  clusterCpu: {
    figure: 'whole cluster: 2 replicas, Redis and Nginx, 1,000 clients, 20 symbols at 2 Hz',
    unit: cpu,
    peer: 'stock',
    ratioOf: 'peer / ours',
    goal: atLeast(8),
  },
  clusterAge: {
    figure: 'age of a tick at the client through Nginx, the same cluster, p99',
    unit: 'ms',
    peer: 'stock',
    ratioOf: 'ours / peer',
    goal: atMost(0.2),
  },
  busLeader1000: bus('leader', '1,000'),
  busFollower1000: bus('a follower', '1,000'),
  busRedis1000: bus('Redis', '1,000'),
  busLeader5000: bus('leader', '5,000'),
  busFollower5000: bus('a follower', '5,000'),
  busRedis5000: bus('Redis', '5,000'),
  memory: {
    figure: 'resident memory per idle WebSocket',
    unit: 'KB',
    peer: 'stock',
    ratioOf: 'ours / peer',
    goal: atMost(0.75),
  },
  connects: {
    figure: 'connects per second: ours with subscribe and snapshot, stock with a join',
    unit: '1/s',
    peer: 'stock',
    ratioOf: 'ours / peer',
    goal: atLeast(0.8),
  },
  sizes: {
    figure: 'CPU per delivery at 250, 1,000 and 4,000 clients: largest against smallest',
    unit: cpu,
    peer: 'the smallest',
    ratioOf: 'ours / peer',
    goal: atMost(1.3),
  },
  stuck: {
    figure: 'one stuck client among 1,000: p99 age at the others, against without it',
    unit: 'ms',
    peer: 'without it',
    ratioOf: 'ours / peer',
    goal: atMost(1.2),
  },
  watchers: watching('counts'),
  watchersOfDetails: watching('details'),
  windows: without('windows (pings, pongs and what is held back)'),
  recovery: without('recovery (history and replay)'),
  metrics: without('metrics (counters, histograms of age and size)'),
} as const satisfies Record<string, Row>;
