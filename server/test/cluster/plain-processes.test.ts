/** The cluster of plain processes, as a harness and as `npm run cluster`: it starts, reports ended programs, and leaves no process. */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, onTestFinished, test } from 'vitest';
import { assertPortFree } from '../support/processes/free-port.ts';
import { startCluster, type Cluster } from '../support/processes/start-cluster.ts';
import { until } from '../support/until.ts';

async function start(options: Parameters<typeof startCluster>[0]): Promise<Cluster> {
  const cluster = await startCluster(options);
  onTestFinished(() => cluster.stop());
  return cluster;
}

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

test('every program has a log file, is reported when it ends by itself, restarts on request, and is gone after stop', async () => {
  const logFolder = mkdtempSync(join(tmpdir(), 'tickwire-logs-'));
  onTestFinished(() => rmSync(logFolder, { recursive: true }));
  const ends: string[] = [];
  const restarts: Promise<void>[] = [];
  const cluster = await start({
    replicas: 1,
    logFolder,
    onUnexpectedExit: (part, how) => {
      ends.push(`${part.name} ${how}`);
      restarts.push(part.restart());
    },
  });
  await expect(startCluster({ port: cluster.port })).rejects.toThrow(`port ${cluster.port} is taken`);

  for (const pid of pidsOf(cluster)) process.kill(pid, 'SIGKILL');
  await until(() => ends.length === 3, { withinMs: 10_000, saw: () => ends });
  await Promise.all(restarts);
  expect(await nodeOf(cluster.url)).toBe('r1');
  const pids = pidsOf(cluster);
  await cluster.stop();
  expect(running(pids)).toEqual([]);
  // The end that the owner asked for is not reported.
  expect(ends.toSorted()).toEqual([
    'Nginx ended with SIGKILL',
    'Redis ended with SIGKILL',
    'replica r1 ended with SIGKILL',
  ]);
  expect(readdirSync(logFolder).toSorted()).toEqual(['nginx.log', 'r1.log', 'redis.log']);
  expect(readFileSync(join(logFolder, 'redis.log'), 'utf8')).toContain('Ready to accept connections');
});

test('a start with a bad setting rejects with the last lines of the replica and reports no end', async () => {
  const ends: string[] = [];
  const starting = start({
    replicas: 1,
    env: { UPDATE_INTERVAL: 'often' },
    onUnexpectedExit: (part, how) => ends.push(`${part.name} ${how}`),
  });
  await expect(starting).rejects.toThrow(/replica r1 ended with code 1:[^]*UPDATE_INTERVAL/);
  expect(ends).toEqual([]);
});

test('an aborted start leaves no process', async () => {
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

/** Runs the program of `npm run cluster` on a free port until it prints its URLs. Rejects with its errors if it ends first. */
async function startCommand(env: Record<string, string>) {
  const command = spawn(process.execPath, ['scripts/cluster.mjs'], {
    env: { ...process.env, PORT: '0', TLS_PORT: '0', HOST: '127.0.0.1', REPLICAS: '2', ...env },
  });
  let errors = '';
  command.stderr.on('data', (bytes: Buffer) => void (errors += bytes.toString()));
  const exit = once(command, 'exit');
  onTestFinished(async () => {
    command.kill('SIGTERM');
    await exit;
  });
  const lines = createInterface({ input: command.stdout });
  let url = '';
  let metricsUrls: string[] = [];
  for await (const line of lines) {
    url ||= /^Tickwire is live at (\S+)/.exec(line)?.[1] ?? '';
    metricsUrls = /^Figures at (.+)$/.exec(line)?.[1]?.split(', ') ?? [];
    if (metricsUrls.length > 0) break;
  }
  if (metricsUrls.length === 0) throw new Error(`npm run cluster ended before it listened:\n${errors}`);
  const pid = command.pid ?? 0;
  const children = running([pid]).filter((other) => other !== pid);
  expect(children.length).toBeGreaterThanOrEqual(4);
  return { command, url, metricsUrls, pids: [pid, ...children], exit };
}

const metricsOf = async (url: string): Promise<string> => (await fetch(url)).text();

/** Sends more requests than Nginx lets through from one address, and returns the refused ones. */
async function flood(url: string, origin: string): Promise<Response[]> {
  const answers = await Promise.all(
    Array.from({ length: 700 }, () => fetch(`${url}/health/live`, { headers: { origin } })),
  );
  return answers.filter(({ status }) => status === 429);
}

/**
 * The first of two ports in a row that are free. They are above the ports that `freePort` and the kernel give away, so that no other
 * test takes one before the replica binds it.
 */
async function freePair(): Promise<number> {
  for (;;) {
    const first = 61_000 + 2 * Math.floor(Math.random() * 2_000);
    try {
      await assertPortFree(first);
      await assertPortFree(first + 1);
      return first;
    } catch {
      // One of them is taken: the next turn tries another pair.
    }
  }
}

test('npm run cluster restarts a killed replica, counts metrics ports up, trusts its own network, and ends with code 0', async () => {
  const port = await freePair();
  const { command, url, metricsUrls, pids, exit } = await startCommand({
    METRICS_PORT: String(port),
    TRUSTED_NETWORKS: '',
  });
  expect(metricsUrls).toEqual([port, port + 1].map((each) => `http://127.0.0.1:${each}/metrics`));
  const nodes = async (): Promise<(string | undefined)[]> =>
    (await Promise.all(metricsUrls.map(metricsOf))).map(
      (text) => /^tickwire_leading\{node="(\w+)"\}/m.exec(text)?.[1],
    );
  expect(await nodes()).toEqual(['r1', 'r2']);
  expect((await fetch(`${url}/metrics`)).status).toBe(404);
  expect(await nodeOf(url)).toMatch(/^r[12]$/);
  expect(await flood(url, 'https://any.example')).toEqual([]);

  const replica = pids.find((pid) => readFileSync(`/proc/${pid}/environ`, 'utf8').includes('NODE_ID=r1\0'));
  process.kill(replica ?? Number.NaN, 'SIGKILL');
  await until(
    () =>
      fetch(metricsUrls[0] ?? '').then(
        () => false,
        () => true,
      ),
    { withinMs: 5_000 },
  );
  await until(async () => (await nodes().catch(() => [])).join() === 'r1,r2', { withinMs: 20_000 });

  const all = [...pids, ...running([command.pid ?? 0])];
  command.kill('SIGTERM');
  command.kill('SIGTERM'); // npm and a terminal send the signal twice.
  expect(await exit).toEqual([0, null]);
  // Each guard ends a moment later, when its pipe closes.
  await until(() => running(all).length === 0, { withinMs: 1_000, saw: () => running(all) });
});

test('npm run cluster prints an IPv6 URL in brackets, limits untrusted networks, lets allowed pages read the refusals, and leaves no process when killed', async () => {
  const origin = 'https://friend.example';
  const { command, url, metricsUrls, pids, exit } = await startCommand({
    HOST: '::1',
    METRICS_PORT: '0',
    TRUSTED_NETWORKS: 'none',
    CORS_ORIGIN: origin,
  });
  expect(url).toMatch(/^http:\/\/\[::1\]:\d+$/);
  expect(new Set(metricsUrls).size).toBe(2);
  for (const text of await Promise.all(metricsUrls.map(metricsOf)))
    expect(text).toContain('socket_connections_active');
  const refused = await flood(url, origin);
  expect(refused.length).toBeGreaterThan(0);
  expect(new Set(refused.map(({ headers }) => headers.get('access-control-allow-origin')))).toEqual(
    new Set([origin]),
  );
  command.kill('SIGKILL');
  await exit;
  await until(() => running(pids).length === 0, { withinMs: 5_000, saw: () => running(pids) });
});

test('npm run cluster refuses every bad setting at once, and starts nothing', async () => {
  const port = await freePair();
  const other = createServer().listen(port + 1, '127.0.0.1');
  onTestFinished(() => void other.close());
  await once(other, 'listening');
  const bad = 'Tickwire cannot start with this configuration:\n  ';
  const cases: [env: Record<string, string>, said: string][] = [
    [
      { METRICS_PORT: '65535' },
      `${bad}METRICS_PORT: 2 replicas count up from it to 65536; 65535 is the last port\n`,
    ],
    [
      { METRICS_PORT: `${port}`, PORT: `${port + 1}` },
      `${bad}METRICS_PORT: 2 replicas count up from it to ${port + 1}, and Nginx has ${port + 1}\n`,
    ],
    [{ METRICS_PORT: `${port}`, PORT: `${port}` }, `${bad}METRICS_PORT: must be another port than PORT`],
    [{ METRICS_PORT: `${port}` }, `Tickwire cannot start: port ${port + 1} is taken\n`],
    [{ REPLICAS: 'two', PORT: '99999', UPDATE_INTERVAL: '5s' }, `${bad}REPLICAS: `],
    [{ REPLICAS: 'two', PORT: '99999', UPDATE_INTERVAL: '5s' }, '\n  PORT: '],
    [{ REPLICAS: 'two', PORT: '99999', UPDATE_INTERVAL: '5s' }, '\n  UPDATE_INTERVAL: '],
    [
      { CERTS_DIR: '/nonexistent', TLS_PORT: 'x' },
      `${bad}TLS_PORT: must be a whole number from 0 to 65535, not "x"\n`,
    ],
    [{ CERTS_DIR: '/nonexistent' }, 'nonexistent/key.pem cannot be read: `npm run cert` makes a certificate'],
  ];
  for (const [env, said] of cases) {
    const { status, stderr } = spawnSync(process.execPath, ['scripts/cluster.mjs'], {
      env: { ...process.env, PORT: '0', TLS_PORT: '0', REPLICAS: '2', ...env },
      encoding: 'utf8',
    });
    expect([status, stderr]).toEqual([1, expect.stringContaining(said)]);
  }
});
