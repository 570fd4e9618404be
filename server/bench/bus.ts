/**
 * What a tick costs from its source to the last replica: a leader and two followers as processes over a true redis-server,
 * every symbol served on all three, and clients for a sample of the symbols alone. Gives CPU, bytes and age.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { createClient } from 'redis';
import { io, type Socket } from 'socket.io-client';
import { guard } from '../../scripts/lib/guard.mjs';
import { startRedis } from '../../scripts/lib/redis-server.mjs';
import type { Tick } from '../protocol/index.ts';
import { createKeys } from '../src/backplane/redis/keys.ts';
import type { FromReplica, ToReplica, Usage } from './bus-messages.ts';

export interface BusOptions {
  /** The built `bus-replica.ts`. */
  program: string;
  symbols: number;
  /** Ticks of each symbol in a second; all symbols at once, as the simulator gives them. */
  hz: number;
  /** Length of one round in milliseconds. */
  roundMs: number;
  rounds: number;
  /** Where each process leaves its CPU profile; nowhere by default. */
  profiles?: string;
}

/** Medians of the rounds. CPU in microseconds a tick, the whole process over a round. */
export interface BusResult {
  symbols: number;
  ticksPerSecond: number;
  leader: number;
  follower: number;
  redis: number;
  /** Into Redis and out of it, a tick, with two followers. */
  bytesIn: number;
  bytesOut: number;
  /** Commands that Redis ran, those of scripts included, a tick. */
  commands: number;
  /** Milliseconds from the source's clock to the last of the three replicas' clients. */
  p50: number;
  p99: number;
}

const replicas = 3;
/** Symbols that clients listen to: spread over the whole burst, the last one among them. */
const sampled = 50;
const settleMs = 2_000;
const prefix = 'bench';
const { heads } = createKeys(prefix).shard(0);
const startDeadlineMs = 20_000;

interface Replica {
  child: ChildProcess;
  port: number;
  ask(type: 'keep' | 'usage'): Promise<Usage>;
  end(): Promise<void>;
}

/** Runs one size from start to end; nothing is left behind. Rejects where a tick is missing or comes twice. */
export async function measureBus(options: BusOptions): Promise<BusResult> {
  const redis = await startRedis();
  const running: Replica[] = [];
  const sockets: Socket[] = [];
  const asking = createClient({ url: redis.url });
  try {
    await asking.connect();
    for (let index = 0; index < replicas; index++) {
      running.push(await startOne(options, redis.url, index));
      // The first one leads before the others come.
      if (index === 0) await until(() => leads(running[0]));
    }
    const names = symbolNames(options.symbols);
    const sample = names.filter((_, index) => (index + 1) % Math.ceil(options.symbols / sampled) === 0);
    const ages = createAges(sample);
    for (const [index, replica] of running.entries()) {
      const socket = io(`http://127.0.0.1:${replica.port}`, { transports: ['websocket'], forceNew: true });
      sockets.push(socket);
      await socket.timeout(startDeadlineMs).emitWithAck('subscribe', names);
      await replica.ask('keep');
      const others = names.filter((name) => !sample.includes(name));
      await socket.timeout(startDeadlineMs).emitWithAck('unsubscribe', others);
      socket.on('tick', (tick: Tick) => ages.arrived(index, tick));
      socket.on('disconnect', (reason) => ages.cut(`replica ${index} lost its client: ${reason}`));
    }
    await delay(settleMs);

    const rounds: Omit<BusResult, 'symbols'>[] = [];
    for (let round = 0; round < options.rounds; round++) {
      rounds.push(await measureRound(running, asking, ages, options));
    }
    const median = (key: keyof (typeof rounds)[number]): number =>
      rounds.map((round) => round[key]).toSorted((a, b) => a - b)[rounds.length >> 1] ?? Number.NaN;
    return {
      symbols: options.symbols,
      ticksPerSecond: median('ticksPerSecond'),
      leader: median('leader'),
      follower: median('follower'),
      redis: median('redis'),
      bytesIn: median('bytesIn'),
      bytesOut: median('bytesOut'),
      commands: median('commands'),
      p50: median('p50'),
      p99: median('p99'),
    };
  } finally {
    for (const socket of sockets) socket.disconnect();
    await Promise.all(running.map((replica) => replica.end()));
    asking.destroy();
    await redis.stop();
  }
}

async function measureRound(
  running: readonly Replica[],
  asking: { info(): Promise<string>; hVals(key: string): Promise<string[]> },
  ages: Ages,
  { roundMs, symbols }: BusOptions,
): Promise<Omit<BusResult, 'symbols'>> {
  ages.take();
  const look = async () => ({
    used: await Promise.all(running.map((replica) => replica.ask('usage'))),
    redis: parseInfo(await asking.info()),
    appended: (await asking.hVals(heads)).reduce((sum, seq) => sum + Number(seq), 0),
    at: performance.now(),
  });
  const before = await look();
  await delay(roundMs);
  const after = await look();
  const seconds = (after.at - before.at) / 1_000;
  const ticks = after.appended - before.appended;
  const cpu = after.used.map(
    ({ user, system }, index) =>
      user + system - (before.used[index]?.user ?? 0) - (before.used[index]?.system ?? 0),
  );
  const grown = (...keys: string[]): number =>
    keys.reduce((sum, key) => sum + (after.redis.get(key) ?? 0) - (before.redis.get(key) ?? 0), 0);
  const [leader = Number.NaN, ...followers] = cpu;
  const seen = ages.take();
  const expected = (ticks * ages.symbols) / symbols;
  // Those at both ends of the round are counted on one side of it alone.
  if (seen.length < 0.8 * expected)
    throw new Error(`of ${expected} sampled ticks ${seen.length} reached all replicas`);
  seen.sort((a, b) => a - b);
  return {
    ticksPerSecond: ticks / seconds,
    leader: leader / ticks,
    follower: followers.reduce((sum, one) => sum + one, 0) / followers.length / ticks,
    redis: (1e6 * grown('used_cpu_sys', 'used_cpu_user')) / ticks,
    bytesIn: grown('total_net_input_bytes') / ticks,
    bytesOut: grown('total_net_output_bytes') / ticks,
    commands: grown('total_commands_processed') / ticks,
    p50: seen[Math.floor(seen.length * 0.5)] ?? Number.NaN,
    p99: seen[Math.floor(seen.length * 0.99)] ?? Number.NaN,
  };
}

interface Ages {
  readonly symbols: number;
  arrived(replica: number, tick: Tick): void;
  /** Says why nothing can be measured any more. */
  cut(reason: string): void;
  /** The ages, in milliseconds, of the ticks that have reached the last replica since the last call. Throws after `cut`. */
  take(): number[];
}

function createAges(sample: readonly string[]): Ages {
  /** By symbol and seq, how many replicas had it. */
  const arrivals = new Map<string, number>();
  const last = new Map<string, number>();
  let ages: number[] = [];
  let broken: string | null = null;
  return {
    symbols: sample.length,
    arrived(replica, { symbol, seq, ts, merged = 0 }) {
      const before = last.get(`${replica} ${symbol}`);
      if (before !== undefined && (seq <= before || seq - merged > before + 1))
        throw new Error(`${symbol}: ${seq} came after ${before} at replica ${replica}`);
      last.set(`${replica} ${symbol}`, seq);
      // A merged tick brings those before it too; they are as old as it is at least.
      for (let own = seq - merged; own <= seq; own++) {
        const key = `${symbol} ${own}`;
        const count = (arrivals.get(key) ?? 0) + 1;
        arrivals.set(key, count);
        if (count < replicas) continue;
        arrivals.delete(key);
        ages.push(performance.timeOrigin + performance.now() - ts);
      }
    },
    cut: (reason) => void (broken ??= reason),
    take: () => {
      if (broken !== null) throw new Error(broken);
      const taken = ages;
      ages = [];
      return taken;
    },
  };
}

async function startOne(
  { program, symbols, hz, profiles }: BusOptions,
  redisUrl: string,
  index: number,
): Promise<Replica> {
  const child = fork(program, [], {
    execArgv: [
      '--enable-source-maps',
      ...(profiles === undefined
        ? []
        : ['--cpu-prof', `--cpu-prof-dir=${profiles}`, `--cpu-prof-name=${symbols}-r${index}.cpuprofile`]),
    ],
    env: {
      ...process.env,
      NODE_ID: `r${index}`,
      PORT: '0',
      HOST: '127.0.0.1',
      BACKPLANE: 'redis',
      REDIS_URL: redisUrl,
      REDIS_PREFIX: prefix,
      FEEDS: 'simulator',
      SYMBOLS: symbolNames(symbols).join(','),
      UPDATE_INTERVAL: String(1_000 / hz),
      DRAIN_MS: '0',
      MAX_SUBSCRIPTIONS: '10000',
    },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const release = child.pid === undefined ? () => {} : guard(child.pid);
  const ended = once(child, 'exit').then(release);
  let port = 0;
  let waiting: ((usage: Usage) => void)[] = [];
  child.on('message', (message: FromReplica) => {
    if (message.type === 'listening') port = message.port;
    else waiting.shift()?.(message);
  });
  const tell = (message: ToReplica): void => void child.send(message, () => {});
  await until(() => Promise.resolve(port !== 0));
  return {
    child,
    port,
    ask: (type) =>
      new Promise((resolve) => {
        waiting.push(resolve);
        tell({ type });
      }),
    end: async () => {
      waiting = [];
      tell({ type: 'close' });
      const kill = setTimeout(() => child.kill('SIGKILL'), 5_000);
      await ended;
      clearTimeout(kill);
    },
  };
}

async function leads(replica: Replica | undefined): Promise<boolean> {
  const response = await fetch(`http://127.0.0.1:${replica?.port}/health`);
  return (await response.text()).includes('"me":true');
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + startDeadlineMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error('the replicas did not start in time');
    await delay(50);
  }
}

function symbolNames(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `S${String(index).padStart(4, '0')}-USD`);
}

function parseInfo(text: string): Map<string, number> {
  return new Map(
    text
      .split('\r\n')
      .map((line) => line.split(':'))
      .map(([key = '', value]) => [key, Number(value)]),
  );
}
