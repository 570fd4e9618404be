/** The cluster of plain processes itself, as a harness and as `npm run cluster`: it starts, says what dies, and leaves nothing. */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, expect, onTestFinished, test } from 'vitest';
import { startCluster, type Cluster } from '../support/start-cluster.ts';
import { freePort } from '../support/free-port.ts';
import { until } from '../support/until.ts';

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
  await until(() => told.length === 3, { withinMs: 10_000, saw: () => told });
  expect(told.toSorted()).toEqual([
    'Nginx ended with SIGKILL',
    'Redis ended with SIGKILL',
    'replica r1 ended with SIGKILL',
  ]);
  await Promise.all(restarts);
  expect(await nodeOf(cluster.url)).toBe('r1');
});

test('a bad setting is told by the last lines of the replica, and nothing is left', async () => {
  const told: string[] = [];
  const starting = start({
    replicas: 1,
    env: { UPDATE_INTERVAL: 'often' },
    onUnexpectedExit: (part, how) => told.push(`${part.name} ${how}`),
  });
  await expect(starting).rejects.toThrow(/replica r1 ended with code 1:[^]*UPDATE_INTERVAL/);
  // Nobody is to start a part again of what has never been.
  expect(told).toEqual([]);
});

test('a log folder gets a file of each program', async () => {
  const logFolder = mkdtempSync(join(tmpdir(), 'tickwire-logs-'));
  try {
    await (await start({ replicas: 1, logFolder })).stop();
    expect(readdirSync(logFolder).toSorted()).toEqual(['nginx.log', 'r1.log', 'redis.log']);
    expect(readFileSync(join(logFolder, 'redis.log'), 'utf8')).toContain('Ready to accept connections');
  } finally {
    rmSync(logFolder, { recursive: true });
  }
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

/** Runs `npm run cluster`'s program on a free port until it says its addresses. */
async function startCommand(host = '127.0.0.1', env: Record<string, string> = {}) {
  const port = await freePort();
  const command = spawn(process.execPath, ['scripts/cluster.mjs'], {
    env: { ...process.env, PORT: String(port), TLS_PORT: '0', HOST: host, REPLICAS: '2', ...env },
  });
  const lines = createInterface({ input: command.stdout });
  let url = '';
  let figures: string[] = [];
  for await (const line of lines) {
    url ||= /^Tickwire is live at (\S+)/.exec(line)?.[1] ?? '';
    figures = /^Figures at (.+)$/.exec(line)?.[1]?.split(', ') ?? [];
    if (figures.length > 0) break;
  }
  const pid = command.pid ?? 0;
  const children = running([pid]).filter((other) => other !== pid);
  expect(children.length).toBeGreaterThanOrEqual(4);
  return { command, url, figures, pids: [pid, ...children] };
}

test('npm run cluster ends everything at the first signal, with code 0', async () => {
  const { command, url, pids } = await startCommand();
  expect(await nodeOf(url)).toMatch(/^r[12]$/);
  command.kill('SIGTERM');
  command.kill('SIGTERM'); // As npm and a terminal do at once.
  expect(await once(command, 'exit')).toEqual([0, null]);
  // The guards of its programs end by themselves when their pipe does, which is a moment later.
  await until(() => running(pids).length === 0, {
    withinMs: 1_000,
    saw: () => running(pids),
  });
});

test('npm run cluster listens on an IPv6 address, and says its URL in brackets', async () => {
  const { command, url } = await startCommand('::1');
  expect(url).toMatch(/^http:\/\/\[::1\]:\d+$/);
  expect(await nodeOf(url)).toMatch(/^r[12]$/);
  command.kill('SIGTERM');
  await once(command, 'exit');
});

/** The first of two ports in a row that nobody has. */
async function freePair(): Promise<number> {
  for (let first = await freePort(); ;) {
    const second = await freePort();
    if (second === first + 1) return first;
    first = second;
  }
}

const figuresOf = async (url: string): Promise<string> => (await fetch(url)).text();

test('npm run cluster gives each replica a port for its figures, counted up from METRICS_PORT, and keeps it', async () => {
  const port = await freePair();
  const { command, url, figures, pids } = await startCommand('127.0.0.1', { METRICS_PORT: String(port) });
  expect(figures).toEqual([port, port + 1].map((each) => `http://127.0.0.1:${each}/metrics`));
  const nodes = async (): Promise<(string | undefined)[]> =>
    (await Promise.all(figures.map(figuresOf))).map(
      (text) => /^tickwire_leading\{node="(\w+)"\}/m.exec(text)?.[1],
    );
  expect(await nodes()).toEqual(['r1', 'r2']);
  expect((await fetch(`${url}/metrics`)).status).toBe(404);

  // What dies is started again at its own port.
  const replica = pids.find((pid) => readFileSync(`/proc/${pid}/environ`, 'utf8').includes('NODE_ID=r1\0'));
  process.kill(replica ?? Number.NaN, 'SIGKILL');
  await until(
    async () =>
      await fetch(figures[0] ?? '').then(
        () => false,
        () => true,
      ),
    { withinMs: 5_000 },
  );
  await until(async () => (await nodes().catch(() => [])).join() === 'r1,r2', {
    withinMs: 20_000,
  });
  command.kill('SIGTERM');
  await once(command, 'exit');
});

test('npm run cluster says where figures are without METRICS_PORT too, and that 0 takes free ports', async () => {
  for (const env of [{}, { METRICS_PORT: '0' }]) {
    const { command, figures } = await startCommand('127.0.0.1', env);
    expect(new Set(figures).size).toBe(2);
    for (const text of await Promise.all(figures.map(figuresOf)))
      expect(text).toContain('socket_connections_active');
    command.kill('SIGTERM');
    await once(command, 'exit');
  }
});

test('npm run cluster refuses ports of figures that somebody has, or that there are not', async () => {
  const port = await freePair();
  const refusalOf = (env: Record<string, string>): string =>
    spawnSync(process.execPath, ['scripts/cluster.mjs'], {
      env: { ...process.env, PORT: '0', TLS_PORT: '0', REPLICAS: '2', ...env },
      encoding: 'utf8',
    }).stderr;
  expect(refusalOf({ METRICS_PORT: '65535' })).toContain(
    'METRICS_PORT: 2 replicas count up from it to 65536;',
  );
  expect(refusalOf({ METRICS_PORT: String(port), PORT: String(port + 1) })).toContain(
    `METRICS_PORT: 2 replicas count up from it to ${port + 1}, and Nginx has ${port + 1}`,
  );
  expect(refusalOf({ METRICS_PORT: String(port), PORT: String(port) })).toContain(
    'METRICS_PORT: must be another port than PORT',
  );
  const other = createServer().listen(port + 1, '127.0.0.1');
  onTestFinished(() => void other.close());
  await once(other, 'listening');
  expect(refusalOf({ METRICS_PORT: String(port) })).toBe(
    `Tickwire cannot start: port ${port + 1} is taken\n`,
  );
});

test('npm run cluster tells Nginx of the networks that are trusted, and of pages that may read its answers', async () => {
  const origin = 'https://friend.example';
  for (const [networks, limited] of [
    ['', false],
    ['none', true],
  ] as const) {
    const { command, url } = await startCommand('127.0.0.1', {
      TRUSTED_NETWORKS: networks,
      CORS_ORIGIN: origin,
      REPLICAS: '1',
    });
    const answers = await Promise.all(
      Array.from({ length: 700 }, () => fetch(`${url}/health/live`, { headers: { origin } })),
    );
    const refused = answers.filter(({ status }) => status === 429);
    expect(refused.length > 0).toBe(limited);
    for (const { headers } of refused) expect(headers.get('access-control-allow-origin')).toBe(origin);
    command.kill('SIGTERM');
    await once(command, 'exit');
  }
});

test("npm run cluster says every bad setting at once, the server's too, and starts nothing", () => {
  const bad = { REPLICAS: 'two', PORT: '99999', UPDATE_INTERVAL: '5s' };
  const { status, stderr } = spawnSync(process.execPath, ['scripts/cluster.mjs'], {
    env: { ...process.env, ...bad },
    encoding: 'utf8',
  });
  expect(status).toBe(1);
  expect(stderr.split('\n').map((line) => line.split(':')[0])).toEqual([
    'Tickwire cannot start with this configuration',
    '  REPLICAS',
    '  PORT',
    '  UPDATE_INTERVAL',
    '',
  ]);
});

test('npm run cluster takes everything with it when it is killed', async () => {
  const { command, pids } = await startCommand();
  command.kill('SIGKILL');
  await once(command, 'exit');
  await expect.poll(() => running(pids), { timeout: 5_000 }).toEqual([]);
});
