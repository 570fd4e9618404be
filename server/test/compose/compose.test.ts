/**
 * The cluster as `docker compose` brings it up, on a true engine, from the build of the image to what is left at the end.
 * The tests are one story and run in order; server/test/run/compose.mjs gives them an engine and cleans up after them.
 */
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, expect, test } from 'vitest';
import { makeCertificate } from '../../../scripts/lib/certificate.mjs';
import { freePort } from '../support/processes/free-port.ts';
import { until } from '../support/until.ts';
import { docker, leftOf, optionalServices, project } from './docker.ts';
import { createStockClient, type StockClient } from './stock-client.ts';

const apiKey = 'compose-test-key-0123456789';
const friend = 'https://friend.example';
let url = '';
let env: Record<string, string> = {};
/** The same, with the ports of the observability profile. */
let observed: Record<string, string> = {};
const observe = ['compose', '--profile', 'observability'];
const clients: StockClient[] = [];

function client(...args: Parameters<typeof createStockClient>): StockClient {
  const one = createStockClient(...args);
  clients.push(one);
  return one;
}

/** Ids of the running replicas. */
const replicaIds = async () => (await docker(['compose', 'ps', '--quiet', 'replica'], env)).split('\n');

beforeAll(async () => {
  if (project === '') throw new Error('run these tests by `npm run test:compose`');
  const port = await freePort();
  url = `http://127.0.0.1:${port}`;
  env = {
    PORT: String(port),
    UPDATE_INTERVAL: '100',
    API_KEYS: apiKey,
    CORS_ORIGIN: `https://shop.example, ${friend}`,
  };
});

afterEach(() => {
  for (const one of clients.splice(0)) one.close();
});

test('one command builds the image and brings everything up healthy', async () => {
  await docker(['compose', 'up', '--build', '--detach', '--wait', '--wait-timeout', '240'], env);
  const states = (await docker(['compose', 'ps', '--format', '{{.Service}} {{.Health}}'], env)).split('\n');
  expect(states.toSorted()).toEqual(['nginx healthy', 'redis healthy', 'replica healthy', 'replica healthy']);
});

test('/health and the page come through Nginx', async () => {
  const health = await fetch(`${url}/health`);
  expect(health.status).toBe(200);
  expect(await health.json()).toMatchObject({ backplane: { kind: 'redis', state: 'up' } });
  const page = await fetch(url);
  expect(page.headers.get('content-type')).toMatch('text/html');
  expect(await page.text()).toMatch(/<html/i);
});

test('CORS_ORIGIN alone lets pages of other origins read what a replica says, and what Nginx says by itself', async () => {
  const allowed = async (path: string, origin: string): Promise<(number | string | null)[]> => {
    const { status, headers } = await fetch(`${url}${path}`, { headers: { origin } });
    return [status, headers.get('access-control-allow-origin')];
  };
  expect(await allowed('/api/ticks', friend)).toEqual([200, friend]);
  expect(await allowed('/metrics', friend)).toEqual([404, friend]);
  expect(await allowed('/metrics', 'https://other.example')).toEqual([404, null]);
});

test('Redis cannot be reached from outside, and no program runs as root', async () => {
  const ports = await docker(['compose', 'ps', '--format', '{{.Service}}={{.Publishers}}'], env);
  const published = ports.split('\n').filter((line) => / [1-9]\d* tcp|:[1-9]\d*->/.test(line));
  expect(published.map((line) => line.split('=')[0])).toEqual(['nginx']);
  for (const service of ['redis', 'replica', 'nginx']) {
    expect(await docker(['compose', 'exec', '-T', service, 'id', '-u'], env)).not.toBe('0');
  }
});

test('stock clients get ticks in order: with no options, on WebSocket alone and on polling alone', async () => {
  const all = [
    client(url, ['BTC-USD']),
    client(url, ['BTC-USD'], { transports: ['websocket'] }),
    client(url, ['BTC-USD'], { transports: ['polling'] }),
  ];
  for (const ticks of await Promise.all(all.map((one) => one.nextTicks('BTC-USD', 10)))) {
    const first = ticks[0]?.seq ?? 0;
    expect(ticks.map(({ seq }) => seq)).toEqual(ticks.map((_, index) => first + index));
  }
  expect(all[2]?.socket.io.engine.transport.name).toBe('polling');
});

test('settings of the environment reach the replicas: the interval and the API key', async () => {
  const one = client(url, ['ETH-USD', 'DEMO'], { transports: ['websocket'] });
  const ticks = await one.nextTicks('ETH-USD', 20);
  const [first, last] = [ticks[0], ticks.at(-1)];
  expect((last?.ts ?? 0) - (first?.ts ?? 0)).toBeLessThan(19 * 300);

  const arrived = one.nextTicks('DEMO', 1);
  const pushed = await fetch(`${url}/api/ticks`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json', 'x-api-key': apiKey },
    body: JSON.stringify([{ symbol: 'DEMO', price: '12.340' }]),
  });
  expect(pushed.status).toBe(200);
  expect((await arrived)[0]).toMatchObject({ symbol: 'DEMO', price: '12.340' });
});

test('--scale replica=4 spreads clients over four nodes without touching a file', async () => {
  await docker(['compose', 'up', '--detach', '--wait', '--no-recreate', '--scale', 'replica=4'], env);
  expect(await replicaIds()).toHaveLength(4);
  const nodes = new Set<string>();
  await until(
    async () => {
      const some = Array.from({ length: 8 }, () => client(url, ['BTC-USD'], { transports: ['websocket'] }));
      await Promise.all(some.map((one) => one.connectedTimes(1)));
      for (const { nodes: own } of some) nodes.add(own[0] ?? '');
      return nodes.size === 4;
    },
    { withinMs: 30_000, otherwise: () => `clients are on ${[...nodes].join(', ')}` },
  );
  await Promise.all(clients.map((one) => one.nextTicks('BTC-USD', 3)));
});

test('polling clients of four replicas each stay on their own, by their cid', async () => {
  const pollers = Array.from({ length: 12 }, (_, i) =>
    client(url, ['BTC-USD'], { transports: ['polling'], query: { cid: `poller-${i}` } }),
  );
  await Promise.all(pollers.map((one) => one.nextTicks('BTC-USD', 20)));
  expect(pollers.map(({ nodes }) => nodes.length)).toEqual(pollers.map(() => 1));
  expect(new Set(pollers.map(({ nodes }) => nodes[0])).size).toBeGreaterThan(1);
});

test('clients of a replica that is stopped come back by themselves and get ticks', async () => {
  const some = Array.from({ length: 12 }, (_, i) =>
    client(url, ['BTC-USD'], i % 2 === 0 ? {} : { transports: ['websocket'] }),
  );
  await Promise.all(some.map((one) => one.connectedTimes(1)));
  const node = some[1]?.nodes[0] ?? '';
  const id = (await replicaIds()).find((other) => node.startsWith(other.slice(0, 12)));
  if (id === undefined) throw new Error(`no container for ${node}`);
  const moved = some.filter(({ nodes }) => nodes[0] === node);
  await docker(['stop', id]);
  await Promise.all(moved.map((one) => one.connectedTimes(2)));
  expect(moved.map(({ nodes }) => nodes.at(-1))).not.toContain(node);
  await Promise.all(some.map((one) => one.nextTicks('BTC-USD', 5)));
});

test('--profile tls says what is missing where it has no certificate', async () => {
  const empty = mkdtempSync(join(tmpdir(), 'tickwire-no-certs-'));
  const wrong = { ...env, CERTS_DIR: empty, TLS_PORT: String(await freePort()) };
  await docker(
    ['compose', '--profile', 'tls', 'up', '--detach', '--no-recreate', '--no-deps', 'nginx-tls'],
    wrong,
  );
  await until(
    async () =>
      (await docker(['compose', '--profile', 'tls', 'logs', 'nginx-tls'], wrong)).includes(
        "/certs/cert.pem cannot be read by user 101: 'npm run cert' makes a certificate",
      ),
    { withinMs: 20_000, otherwise: () => 'nothing is said of the certificate' },
  );
  await docker(['compose', '--profile', 'tls', 'rm', '--force', '--stop', 'nginx-tls'], wrong);
  rmSync(empty, { recursive: true });
});

test('--profile tls serves https and wss beside http, and touches nothing that runs', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tickwire-certs-'));
  chmodSync(folder, 0o755);
  const { certificate } = await makeCertificate({ folder });
  const before = await replicaIds();
  const tls = { ...env, CERTS_DIR: folder, TLS_PORT: String(await freePort()) };
  await docker(
    ['compose', '--profile', 'tls', 'up', '--detach', '--wait', '--no-recreate', '--scale', 'replica=4'],
    tls,
  );
  expect(await replicaIds()).toEqual(expect.arrayContaining(before));
  const secure = `https://localhost:${tls.TLS_PORT}`;
  const ca = readFileSync(certificate, 'utf8');
  const health = request(`${secure}/health`, { ca, agent: false }).end();
  const [answer] = (await once(health, 'response')) as [IncomingMessage];
  answer.resume();
  expect([answer.statusCode, answer.headers['strict-transport-security']]).toEqual([200, 'max-age=31536000']);
  expect((await fetch(`${url}/health`)).headers.get('strict-transport-security')).toBeNull();
  const both = [
    client(secure, ['BTC-USD'], { transports: ['websocket'], ca }),
    client(url, ['BTC-USD'], { transports: ['websocket'] }),
  ];
  await Promise.all(both.map((one) => one.nextTicks('BTC-USD', 5)));
  rmSync(folder, { recursive: true });
});

test('--profile observability adds Prometheus and Grafana to what there is', async () => {
  const services = await docker(['compose', '--profile', 'observability', 'config', '--services'], env);
  expect(services.split('\n').toSorted()).toEqual(['grafana', 'nginx', 'prometheus', 'redis', 'replica']);
});

test.skipIf(!optionalServices.includes('prometheus'))(
  'Prometheus finds every replica by DNS, and its rules are there; it cannot reach Redis',
  async () => {
    const port = await freePort();
    observed = { ...env, PROMETHEUS_PORT: String(port), GRAFANA_PORT: String(await freePort()) };
    await docker(
      [...observe, 'up', '--detach', '--wait', '--no-recreate', '--no-deps', 'prometheus'],
      observed,
    );
    const ask = async (query: string): Promise<string> =>
      (await fetch(`http://127.0.0.1:${port}/api/v1/query?query=${encodeURIComponent(query)}`)).text();
    const replicas = (await replicaIds()).length;
    await until(async () => (await ask('count(up == 1)')).includes(`"${replicas}"]`), {
      withinMs: 60_000,
      otherwise: () => 'Prometheus does not have every replica',
    });
    expect(await ask('sum(tickwire_leading)')).toContain('"1"]');
    const rules = await fetch(`http://127.0.0.1:${port}/api/v1/rules`);
    expect(await rules.text()).toContain('TickwirePricesStale');
    await expect(
      docker(
        [...observe, 'exec', '-T', 'prometheus', 'wget', '-q', '-T', '3', 'http://redis:6379'],
        observed,
      ),
    ).rejects.toThrow(/bad address|resolve/);
  },
);

test.skipIf(!optionalServices.includes('prometheus') || !optionalServices.includes('grafana'))(
  'Grafana shows the board to everybody, asks Prometheus, and lets nobody in',
  async () => {
    await docker([...observe, 'up', '--detach', '--wait', '--no-recreate', '--no-deps', 'grafana'], observed);
    const grafana = `http://127.0.0.1:${observed['GRAFANA_PORT']}`;
    const board = await fetch(`${grafana}/api/dashboards/uid/tickwire`);
    expect(await board.json()).toMatchObject({
      dashboard: { title: 'Tickwire' },
      meta: { provisioned: true },
    });
    const query = 'query=' + encodeURIComponent('sum(tickwire_leading)');
    const asked = await fetch(`${grafana}/api/datasources/proxy/uid/prometheus/api/v1/query?${query}`);
    expect(await asked.text()).toContain('"1"]');
    const admin = { Authorization: `Basic ${Buffer.from('admin:admin').toString('base64')}` };
    expect((await fetch(`${grafana}/api/admin/settings`, { headers: admin })).status).toBeGreaterThanOrEqual(
      401,
    );
  },
);

test('docker compose down leaves nothing behind', async () => {
  await docker(['compose', '--profile', 'tls', '--profile', 'observability', 'down', '--volumes'], env);
  expect([await leftOf('container'), await leftOf('network'), await leftOf('volume')]).toEqual([[], [], []]);
});

test('the image alone runs the embedded cluster, and ends in order within its time', async () => {
  const port = await freePort();
  const name = `${project}-alone`;
  const label = `com.docker.compose.project=${project}`;
  await docker([
    'run',
    '--detach',
    '--name',
    name,
    '--label',
    label,
    '-p',
    `127.0.0.1:${port}:8080`,
    `${project}-replica`,
  ]);
  const one = client(`http://127.0.0.1:${port}`, ['BTC-USD']);
  await one.nextTicks('BTC-USD', 5);
  const health = await fetch(`http://127.0.0.1:${port}/health`);
  expect(await health.json()).toMatchObject({ backplane: { kind: 'local', state: 'up' } });
  await docker(['stop', name]);
  expect(await docker(['inspect', '--format', '{{.State.ExitCode}}', name])).toBe('0');
  await docker(['rm', name]);
});
