/** What chaos does to a cluster, one act at a time, each of which heals what it broke. Draws everything from one seed. */
import { setTimeout as pass } from 'node:timers/promises';
import type { Cluster } from '../support/start-cluster.ts';
import type { Random } from '../support/random.ts';
import type { TcpProxy } from '../support/tcp-proxy.ts';

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

  function killReplica(): Action {
    const [replica, awayMs] = [random.pick(replicas), between(500, 4_000)];
    return {
      name: `kill -9 ${replica.node}, started ${awayMs} ms later`,
      run: async () => {
        await replica.kill('SIGKILL');
        await pass(awayMs);
        await replica.restart();
      },
    };
  }

  function freezeReplica(): Action {
    const [replica, frozenMs] = [random.pick(replicas), between(500, 7_000)];
    return {
      name: `SIGSTOP ${replica.node} for ${frozenMs} ms`,
      run: async () => {
        await replica.kill('SIGSTOP');
        await pass(frozenMs);
        await replica.kill('SIGCONT');
      },
    };
  }

  function pauseRedis(): Action {
    const frozenMs = between(200, 4_000);
    return {
      name: `Redis paused for ${frozenMs} ms`,
      run: async () => {
        await redis.kill('SIGSTOP');
        await pass(frozenMs);
        await redis.kill('SIGCONT');
      },
    };
  }

  function cutReplica(): Action {
    const [{ node }, how, cutMs] = [
      random.pick(replicas),
      random.pick(['rst', 'fin'] as const),
      between(0, 5_000),
    ];
    const proxy = proxies.get(node);
    return {
      name: `${node} cut off from Redis by ${how} for ${cutMs} ms`,
      run: async () => {
        proxy?.accept(false);
        proxy?.cut(how);
        await pass(cutMs);
        proxy?.heal();
      },
    };
  }

  function muteReplica(): Action {
    const [{ node }, way, heldMs] = [
      random.pick(replicas),
      random.pick(['up', 'down', 'both'] as const),
      between(500, 6_000),
    ];
    const proxy = proxies.get(node);
    return {
      name: `${node} and Redis: nothing passes ${way} for ${heldMs} ms`,
      run: async () => {
        proxy?.suffer(way, { passing: 'hold' });
        await pass(heldMs);
        proxy?.heal();
      },
    };
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
