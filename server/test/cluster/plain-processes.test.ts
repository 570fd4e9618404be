/** The cluster of plain processes itself, as a harness and as `npm run cluster`: it starts, says what dies, and leaves nothing. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { afterEach, expect, test } from 'vitest';
import { startCluster, type Cluster } from '../../../scripts/lib/cluster.mjs';
import { freePort } from '../../../scripts/lib/free-port.mjs';
import { until } from '../../../scripts/lib/until.mjs';

const clusters: Cluster[] = [];

async function start(options: Parameters<typeof startCluster>[0]): Promise<Cluster> {
  const cluster = await startCluster(options);
  clusters.push(cluster);
  return cluster;
}

afterEach(async () => {
  await Promise.all(clusters.splice(0).map((cluster) => cluster.stop()));
});

/** The given processes that still run, and their children; a zombie that waits for init does not run. */
function running(pids: number[]): number[] {
  const rows = execFileSync('ps', ['-eo', 'pid=,ppid=,stat='], { encoding: 'utf8' })
    .trim()
    .split('\n')
    .map((row) => row.trim().split(/\s+/));
  return rows
    .filter(
      ([pid, parent, state]) =>
        !state?.startsWith('Z') && (pids.includes(Number(pid)) || pids.includes(Number(parent))),
    )
    .map(([pid]) => Number(pid));
}

const pidsOf = ({ redis, nginx, replicas }: Cluster) => [
  redis.pid,
  nginx.pid,
  ...replicas.map(({ pid }) => pid),
];

const nodeOf = async (url: string) => {
  const health = (await (await fetch(`${url}/health`)).json()) as { node: string };
  return health.node;
};

test('every replica answers through Nginx, and stop leaves no process', async () => {
  const cluster = await start({ replicas: 2 });
  const pids = pidsOf(cluster);
  expect(await Promise.all(cluster.replicas.map(({ url }) => nodeOf(url)))).toEqual(['r1', 'r2']);
  const seen = new Set([await nodeOf(cluster.url), await nodeOf(cluster.url)]);
  expect([...seen].toSorted()).toEqual(['r1', 'r2']);
  await cluster.stop();
  expect(running(pids)).toEqual([]);
});

test('a replica can be added, killed and started again under its name and port', async () => {
  const told: string[] = [];
  const cluster = await start({
    replicas: 1,
    onUnexpectedExit: (part, how) => told.push(`${part.name} ${how}`),
  });
  const added = await cluster.addReplica();
  expect(await nodeOf(added.url)).toBe('r2');
  const { pid, url } = added;
  await added.kill('SIGKILL');
  expect(running([pid])).toEqual([]);
  expect(await nodeOf(cluster.url)).toBe('r1');
  await added.restart();
  expect(added.pid).not.toBe(pid);
  expect(await nodeOf(url)).toBe('r2');
  expect(told).toEqual([]);
});

test('what ends without being asked is told, with what starts it again', async () => {
  const told: string[] = [];
  const restarts: Promise<void>[] = [];
  const cluster = await start({
    replicas: 1,
    onUnexpectedExit: (part, how) => {
      told.push(`${part.name} ${how}`);
      restarts.push(part.restart());
    },
  });
  for (const pid of pidsOf(cluster)) process.kill(pid, 'SIGKILL');
  await until(() => told.length === 3, { withinMs: 10_000, otherwise: () => told.join(', ') });
  expect(told.toSorted()).toEqual([
    'Nginx ended with SIGKILL',
    'Redis ended',
    'replica r1 ended with SIGKILL',
  ]);
  await Promise.all(restarts);
  expect(await nodeOf(cluster.url)).toBe('r1');
});

test('a bad setting is told by the last lines of the replica, and nothing is left', async () => {
  await expect(start({ replicas: 1, env: { UPDATE_INTERVAL: 'often' } })).rejects.toThrow(
    /replica r1 ended with code 1:[^]*UPDATE_INTERVAL/,
  );
});

test('a taken port is told before anything is started', async () => {
  const cluster = await start({ replicas: 1 });
  await expect(start({ port: cluster.port })).rejects.toThrow(`port ${cluster.port} is taken`);
});

test('a start that is given up leaves nothing', async () => {
  const abort = new AbortController();
  const lines: string[] = [];
  const starting = start({
    replicas: 2,
    signal: abort.signal,
    say: (line) => {
      lines.push(line);
      if (line.startsWith('Redis')) abort.abort(new Error('given up'));
    },
  });
  await expect(starting).rejects.toThrow('given up');
  expect(running(lines.map((line) => Number(/process (\d+)/.exec(line)?.[1])))).toEqual([]);
});

/** Runs `npm run cluster`'s program on a free port until it says its address. */
async function startCommand() {
  const port = await freePort();
  const command = spawn(process.execPath, ['scripts/cluster.mjs'], {
    env: { ...process.env, PORT: String(port), HOST: '127.0.0.1', REPLICAS: '2' },
  });
  const lines = createInterface({ input: command.stdout });
  for await (const line of lines) if (line.startsWith('Tickwire is live at ')) break;
  const pid = command.pid ?? 0;
  const children = running([pid]).filter((other) => other !== pid);
  expect(children.length).toBeGreaterThanOrEqual(4);
  return { command, url: `http://127.0.0.1:${port}`, pids: [pid, ...children] };
}

test('npm run cluster ends everything at the first signal, with code 0', async () => {
  const { command, url, pids } = await startCommand();
  expect(await nodeOf(url)).toMatch(/^r[12]$/);
  command.kill('SIGTERM');
  command.kill('SIGTERM'); // As npm and a terminal do at once.
  expect(await once(command, 'exit')).toEqual([0, null]);
  expect(running(pids)).toEqual([]);
});

test('npm run cluster takes everything with it when it is killed', async () => {
  const { command, pids } = await startCommand();
  command.kill('SIGKILL');
  await once(command, 'exit');
  await expect.poll(() => running(pids), { timeout: 5_000 }).toEqual([]);
});
