/** A cluster with a feed of many symbols, for rows about clients that read slowly, from far away, or not at all. */
import { setTimeout as pass } from 'node:timers/promises';
import { onTestFinished } from 'vitest';
import type { Tick } from '../../protocol/index.ts';
import { createRawReader, type RawReader } from '../support/clients/raw-reader.ts';
import { startTcpProxy, type TcpProxy } from '../support/stand-ins/tcp-proxy.ts';
import { until } from '../support/until.ts';
import { rssOf, startFaultCluster, type FaultCluster, type Replica } from './fault-cluster.ts';
import { preload } from './measures.ts';

/** 2,000 ticks a second, where nothing else is said; some 210 KB/s a client. */
export const fast = symbolsOf(100);
/** 400 ticks a second. */
export const calm = symbolsOf(20);

export const cutTotal = 'tickwire_connections_cut_total';
/** A client that takes nothing for so long is disconnected, in milliseconds: the default of SLOW_CLIENT_MS. */
export const slowClientMs = 20_000;

function symbolsOf(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `S${index + 1}-USD`);
}

export interface FedCluster extends FaultCluster {
  /** One that does not lead: its work is clients alone. */
  readonly replica: Replica;
  /** A client of all symbols at `replica`; ends with the test. */
  reader(onTick?: (tick: Tick) => void): RawReader;
  /** A bad network before it. */
  line(): Promise<TcpProxy & { url: string }>;
}

export interface FedClusterOptions {
  /** Every symbol has a tick each `everyMs`; 50 by default. */
  everyMs?: number;
  /** 2 by default. */
  replicas?: number;
  env?: NodeJS.ProcessEnv;
}

export async function startFedCluster(
  symbols: readonly string[],
  { everyMs = 50, replicas = 2, env = {} }: FedClusterOptions = {},
): Promise<FedCluster> {
  const cluster = await startFaultCluster({
    replicas,
    env: {
      FEEDS: `simulator:${symbols.join(',')}`,
      UPDATE_INTERVAL: String(everyMs),
      // A small space for the young: it grows with work, by more than what clients are held to here.
      NODE_OPTIONS: `${preload('collect-on-signal')} --max-semi-space-size=2`,
      ...env,
    },
  });
  const [replica] = await cluster.followers();
  if (replica === undefined) throw new Error('no follower');
  return {
    ...cluster,
    replica,
    reader: (onTick) => {
      const reader = createRawReader({
        url: replica.url,
        symbols,
        ...(onTick === undefined ? {} : { onTick }),
      });
      onTestFinished(() => reader.close());
      return reader;
    },
    line: async () => {
      const proxy = await startTcpProxy({ to: replica.port });
      onTestFinished(() => proxy.close());
      return { ...proxy, url: `http://127.0.0.1:${proxy.port}` };
    },
  };
}

/** Bytes that the process holds when all garbage is collected. Takes three seconds. */
export async function heldBytes({ pid }: Replica): Promise<number> {
  let least = Infinity;
  for (let look = 0; look < 3; look++) {
    process.kill(pid, 'SIGUSR2');
    await pass(1_000);
    least = Math.min(least, rssOf(pid));
  }
  return least;
}

/** Resolves when each of them has so many more messages than now. */
export async function reading(readers: readonly RawReader[], more: number): Promise<void> {
  const goals = readers.map((reader) => reader.messages() + more);
  await until(() => readers.every((reader, index) => reader.messages() >= (goals[index] ?? 0)), {
    withinMs: 20_000,
    saw: () => readers.map((reader) => reader.messages()),
  });
}
