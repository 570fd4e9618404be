/** What a replica counts when Redis is killed, frozen, or cut off from one replica: each outage once. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startCluster, type Cluster } from '../support/processes/start-cluster.ts';
import { freePort } from '../support/processes/free-port.ts';
import { startTcpProxy, type TcpProxy } from '../support/stand-ins/tcp-proxy.ts';
import { until } from '../support/until.ts';

let cluster: Cluster;
/** Between the first replica and Redis. */
let proxy: TcpProxy;
/** The metrics port of each replica. */
const ports = new Map<string, number>();

/** `up`, `stale` and `outages` of that replica. */
async function figuresOf(node: string): Promise<{ up: number; stale: number; outages: number }> {
  const text = await (await fetch(`http://127.0.0.1:${ports.get(node)}/metrics`)).text();
  const value = (name: string): number =>
    Number(new RegExp(`^tickwire_${name}\\{.*\\} (\\d+)$`, 'm').exec(text)?.[1]);
  return { up: value('backplane_up'), stale: value('stale'), outages: value('backplane_outages_total') };
}

async function become(node: string, wanted: { up: number; stale: number }): Promise<void> {
  const saw = (): Promise<unknown> => figuresOf(node);
  await until(
    async () => {
      const { up, stale } = await figuresOf(node);
      return up === wanted.up && stale === wanted.stale;
    },
    { withinMs: 20_000, saw },
  );
}

beforeAll(async () => {
  cluster = await startCluster({
    replicas: 2,
    env: { UPDATE_INTERVAL: '100' },
    launchOf: async (node, redisUrl) => {
      const port = await freePort();
      ports.set(node, port);
      const env = { METRICS_PORT: String(port) };
      if (node !== 'r1') return { env };
      proxy = await startTcpProxy({ to: Number(new URL(redisUrl).port) });
      return { env: { ...env, REDIS_URL: `redis://127.0.0.1:${proxy.port}` } };
    },
  });
});

afterAll(async () => {
  await cluster?.stop();
  await proxy?.close();
});

/** Longer than a leader may be silent: a replica that counted this from before the outage would rebuild its links and count twice. */
const lengthMs = 4_200;

it.each([
  ['killed', ['r1', 'r2']],
  ['frozen', ['r1', 'r2']],
  ['cut off from one replica', ['r1']],
  ['reset by the network', ['r1']],
] as const)('Redis that is %s is one outage of %s', async (how, nodes) => {
  await Promise.all(['r1', 'r2'].map((node) => become(node, { up: 1, stale: 0 })));
  const outages = async (): Promise<number[]> =>
    (await Promise.all(['r1', 'r2'].map(figuresOf))).map((figures) => figures.outages);
  const before = await outages();

  if (how === 'killed') await cluster.redis.kill('SIGKILL');
  else if (how === 'frozen') await cluster.redis.kill('SIGSTOP');
  else if (how === 'reset by the network') proxy.cut('rst');
  else proxy.suffer('both', { passing: 'hold' });
  if (how === 'reset by the network') await until(async () => (await outages())[0] !== before[0]);
  else {
    const since = performance.now();
    await Promise.all(nodes.map((node) => become(node, { up: 0, stale: 1 })));
    // The outage must last that long; no other condition ends it.
    await until(() => performance.now() - since >= lengthMs);
  }
  if (how === 'killed') await cluster.redis.restart();
  else if (how === 'frozen') await cluster.redis.kill('SIGCONT');
  else proxy.heal();

  // The leader's first message is the fence: before it, a replica may rebuild its links.
  await Promise.all(['r1', 'r2'].map((node) => become(node, { up: 1, stale: 0 })));
  const lost: readonly string[] = nodes;
  expect(await outages()).toEqual(
    ['r1', 'r2'].map((node, index) => (before[index] ?? 0) + (lost.includes(node) ? 1 : 0)),
  );
});
