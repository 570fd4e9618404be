/** What chaos does to a cluster, one act at a time, each of which heals what it broke. Draws everything from one seed. */
import { setTimeout as pass } from 'node:timers/promises';
import type { Cluster } from '../support/processes/start-cluster.ts';
import type { Random } from '../support/random.ts';
import type { TcpProxy } from '../support/stand-ins/tcp-proxy.ts';

export interface Action {
  /** For people, with what was drawn. */
  name: string;
  run(): Promise<void>;
}

export interface ActionsOptions {
  cluster: Cluster;
  /** Between each replica and Redis, by node. */
  proxies: ReadonlyMap<string, TcpProxy>;
  random: Random;
}

/** Gives the next act at each call. */
export function createActions({ cluster, proxies, random }: ActionsOptions): () => Action {
  const { replicas, redis } = cluster;
  const between = (fromMs: number, toMs: number): number =>
    Math.round(fromMs + random.random() * (toMs - fromMs));

  /** An act that hurts, lasts for a drawn time, and heals. */
  function during(
    range: [fromMs: number, toMs: number],
    nameOf: (ms: number) => string,
    [hurt, heal]: [hurt: () => unknown, heal: () => unknown],
  ): Action {
    const ms = between(...range);
    return {
      name: nameOf(ms),
      run: async () => {
        await hurt();
        await pass(ms);
        await heal();
      },
    };
  }

  function killReplica(): Action {
    const replica = random.pick(replicas);
    return during([500, 4_000], (ms) => `kill -9 ${replica.node}, started ${ms} ms later`, [
      () => replica.kill('SIGKILL'),
      () => replica.restart(),
    ]);
  }

  function freezeReplica(): Action {
    const replica = random.pick(replicas);
    return during([500, 7_000], (ms) => `SIGSTOP ${replica.node} for ${ms} ms`, [
      () => replica.kill('SIGSTOP'),
      () => replica.kill('SIGCONT'),
    ]);
  }

  function pauseRedis(): Action {
    return during([200, 4_000], (ms) => `Redis paused for ${ms} ms`, [
      () => redis.kill('SIGSTOP'),
      () => redis.kill('SIGCONT'),
    ]);
  }

  function cutReplica(): Action {
    const [{ node }, how] = [random.pick(replicas), random.pick(['rst', 'fin'] as const)];
    const proxy = proxies.get(node);
    const cut = (): void => {
      proxy?.accept(false);
      proxy?.cut(how);
    };
    return during([0, 5_000], (ms) => `${node} cut off from Redis by ${how} for ${ms} ms`, [
      cut,
      () => proxy?.heal(),
    ]);
  }

  function muteReplica(): Action {
    const [{ node }, way] = [random.pick(replicas), random.pick(['up', 'down', 'both'] as const)];
    const proxy = proxies.get(node);
    return during([500, 6_000], (ms) => `${node} and Redis: nothing passes ${way} for ${ms} ms`, [
      () => proxy?.suffer(way, { passing: 'hold' }),
      () => proxy?.heal(),
    ]);
  }

  function rollingRestart(): Action {
    return {
      name: 'rolling restart of all replicas',
      run: async () => {
        for (const replica of replicas) await replica.restart();
      },
    };
  }

  const kinds = [killReplica, freezeReplica, pauseRedis, cutReplica, muteReplica, rollingRestart];
  let deck: typeof kinds = [];
  return () => {
    // As cards are dealt: every kind comes before one comes again.
    if (deck.length === 0) deck = [...kinds];
    const dealt = random.pick(deck);
    deck = deck.filter((kind) => kind !== dealt);
    return dealt();
  };
}
