/**
 * Observability with Prometheus' own programs: promtool accepts every file, a real Prometheus answers every query of the board,
 * and each rule fires in the situation that it is for.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { healthOf } from '../cluster/cluster-under-test.ts';
import { alerts, boardQueries, otherQueries, prometheusFolder } from '../observability/files.ts';
import { tell } from '../observability/tell.ts';
import { example } from '../readme/examples.ts';
import { startEmbeddedCluster, type EmbeddedCluster } from '../support/processes/embedded-cluster.ts';
import { freePort } from '../support/processes/free-port.ts';
import { createPlainClient } from '../support/clients/plain-client.ts';
import { createRawReader } from '../support/clients/raw-reader.ts';
import { createRecorder } from '../support/clients/recorder.ts';
import type { Child } from '../support/processes/start-child.ts';
import { startCluster, type Cluster } from '../support/processes/start-cluster.ts';
import { until } from '../support/until.ts';
import { configFor, promtool, queryPrometheus, startPrometheus } from './prometheus.ts';

const apiKey = 'dummy-alarm-key-1';
const headers = { 'X-API-Key': apiKey, 'Content-Type': 'application/json' };

/** A folder that is removed with the test. */
function ownFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tickwire-prometheus-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

describe('promtool', () => {
  it('accepts the configuration and the rules', () => {
    expect(promtool(['check', 'config', 'prometheus.yml'])).toMatchObject({ status: 0 });
    expect(promtool(['check', 'rules', 'alerts.yml']).said).toContain('5 rules found');
  });

  it('shows that every rule fires when it should, and not before', () => {
    const { status, said } = promtool(['test', 'rules', 'alerts.test.yml']);
    expect(said).toContain('SUCCESS');
    expect(status).toBe(0);
  });

  it('accepts every query of the board', () => {
    const cwd = ownFolder();
    const check = (queries: readonly string[]): number | null => {
      const rules = queries.map((expr, index) => ({ record: `query:${index}`, expr }));
      // JSON is YAML.
      writeFileSync(join(cwd, 'queries.yml'), JSON.stringify({ groups: [{ name: 'queries', rules }] }));
      return promtool(['check', 'rules', 'queries.yml'], { cwd }).status;
    };
    const queries = [...boardQueries.map(({ expr }) => expr), ...otherQueries];
    expect(queries.length).toBeGreaterThan(40);
    expect(check(queries)).toBe(0);
    expect(check(['sum(rate(x[1m])'])).not.toBe(0);
  });
});

describe('a machine of workers', () => {
  let cluster: EmbeddedCluster;

  beforeAll(async () => {
    cluster = await startEmbeddedCluster({ WORKERS: '2', UPDATE_INTERVAL: '100' });
  });
  afterAll(() => cluster?.close());

  it('has metrics that promtool accepts, except three names of prom-client', async () => {
    const client = createRecorder(cluster.url, { transports: ['websocket'] });
    onTestFinished(() => client.close());
    client.follow(['BTC-USD']);
    await client.seen('tick', 3, 10_000);
    const { said } = promtool(['check', 'metrics'], { input: (await tell(cluster.url)).text });
    const words = 'non-counter metrics should not have "_total" suffix';
    expect(said.trim().split('\n').toSorted()).toEqual(
      ['handles', 'requests', 'resources'].map((what) => `nodejs_active_${what}_total ${words}`),
    );
  });

  it('is scraped by a Prometheus with the configuration of the README', async () => {
    const { host } = new URL(cluster.url);
    const config = example('yaml', 'scrape_configs').replace('localhost:8080', host);
    const { url, child } = await startPrometheus(
      ownFolder(),
      `global: { scrape_interval: 500ms }\n${config}`,
    );
    onTestFinished(() => child.end('SIGTERM', 5_000));
    const query = 'sum(tickwire_leading) + count(up{job="tickwire"} == 1)';
    await until(async () => (await queryPrometheus(url, query).catch(() => []))[0]?.value[1] === '2', {
      withinMs: 30_000,
      saw: () => child.logs(),
    });
  });
});

/**
 * The rules with short times: each waits 8 s, and looks back over 30 s at most. A busy machine stalls for less than 8 s, so only
 * the test's own fault makes a rule fire. promtool checks the true times.
 */
function hurried(rules: string): string {
  return rules
    .replaceAll(/for: \d+[sm]/g, 'for: 8s')
    .replaceAll('[1m]', '[5s]')
    .replaceAll('[5m]', '[20s]')
    .replaceAll('[10m:15s]', '[30s:1s]');
}

describe('a cluster and a real Prometheus', () => {
  const own = mkdtempSync(join(tmpdir(), 'tickwire-alarms-'));
  let cluster: Cluster;
  let prometheus: Child;
  let url = '';

  /** Names of the firing rules, each once. */
  async function firing(): Promise<string[]> {
    const samples = await queryPrometheus(url, 'ALERTS{alertstate="firing"}');
    return [...new Set(samples.map(({ metric }) => metric['alertname'] ?? ''))].toSorted();
  }
  const fires = (name: string): Promise<unknown> =>
    until(async () => (await firing()).includes(name), { withinMs: 30_000, saw: firing });
  /** Resolves when no rule fires or waits to fire. */
  const calm = (): Promise<unknown> =>
    until(async () => (await queryPrometheus(url, 'ALERTS')).length === 0, {
      withinMs: 60_000,
      saw: () => queryPrometheus(url, 'ALERTS'),
    });

  /** The replicas that do not lead: their loss causes no takeover. */
  async function followers(): Promise<Cluster['replicas']> {
    const healths = await Promise.all(cluster.replicas.map((replica) => healthOf(replica.url)));
    return cluster.replicas.filter((_, index) => healths[index]?.leader.me === false);
  }

  beforeAll(async () => {
    const ports: number[] = [];
    cluster = await startCluster({
      replicas: 3,
      env: { UPDATE_INTERVAL: '100', API_KEYS: apiKey, SLOW_CLIENT_MS: '1000' },
      launchOf: async () => {
        const port = await freePort();
        ports.push(port);
        return { env: { METRICS_PORT: String(port) } };
      },
    });
    writeFileSync(
      join(own, 'alerts.yml'),
      hurried(readFileSync(join(prometheusFolder, 'alerts.yml'), 'utf8')),
    );
    const targets = ports.map((port) => `127.0.0.1:${port}`);
    ({ url, child: prometheus } = await startPrometheus(own, configFor(targets, '1s')));
    await prometheus.until(
      async () => (await queryPrometheus(url, 'sum(up)').catch(() => []))[0]?.value[1] === '3',
      { what: 'scraping all replicas', withinMs: 30_000 },
    );
  });

  afterAll(async () => {
    await prometheus?.end('SIGTERM', 5_000);
    await cluster?.stop();
    rmSync(own, { recursive: true, force: true });
  });

  it('has an answer to every query of the board, and to every selector of the rules', async () => {
    const clients = cluster.replicas.flatMap(({ url: at }) => [
      createRecorder(at, { transports: ['websocket'], auth: { userId: 'ann' } }),
      createRecorder(at, { transports: ['polling'] }),
    ]);
    onTestFinished(() => clients.forEach((client) => client.close()));
    for (const client of clients) client.follow(['BTC-USD', 'ETH-USD']);
    await Promise.all(clients.map((client) => client.seen('tick', 5, 20_000)));
    const selectors = alerts.flatMap(({ expr }) => expr.match(/\w+\{[^}]+\}/g) ?? []);
    expect(selectors.length).toBeGreaterThanOrEqual(5);
    const asked = [...boardQueries.map(({ expr }) => expr), ...selectors];
    const silent = async (): Promise<string[]> => {
      const answers = await Promise.all(asked.map((expr) => queryPrometheus(url, expr)));
      return asked.filter((_, index) => answers[index]?.length === 0);
    };
    // A rate needs two scrapes.
    await until(async () => (await silent()).length === 0, { withinMs: 20_000, saw: silent });
    const p99 = boardQueries.find(({ title }) => title === 'Tick age, p99')?.expr ?? '';
    const age = async (): Promise<number> => Number((await queryPrometheus(url, p99))[0]?.value[1]);
    await until(async () => (await age()) > 0, { withinMs: 20_000, saw: age });
    expect(await age()).toBeLessThan(1);
  });

  it('no rule fires while all is well', async () => {
    // Twice as long as the rules wait, one scrape a second.
    const scrapes = async (): Promise<number> =>
      Number((await queryPrometheus(url, 'min(count_over_time(up[1m]))'))[0]?.value[1] ?? 0);
    await until(async () => (await scrapes()) >= 16, { withinMs: 50_000, saw: scrapes });
    expect(await firing()).toEqual([]);
    expect(alerts.map(({ name }) => name)).toHaveLength(5);
  });

  it('TickwireReplicaDown fires for a killed replica and a frozen one, and ends when both are back', async () => {
    const [killed, frozen] = await followers();
    await killed?.kill('SIGKILL');
    await frozen?.kill('SIGSTOP');
    // The rule also fires once without an instance: fewer replicas answer than before.
    const firesFor = 'ALERTS{alertname="TickwireReplicaDown",alertstate="firing",instance!=""}';
    const down = (): ReturnType<typeof queryPrometheus> => queryPrometheus(url, firesFor);
    await until(async () => (await down()).length === 2, { withinMs: 30_000, saw: down });
    expect(await firing()).toEqual(['TickwireReplicaDown']);
    await frozen?.kill('SIGCONT');
    await killed?.restart();
    await calm();
  }, 120_000);

  it('TickwirePricesStale and TickwireNoLeader fire while Redis is down, and end when Redis is back', async () => {
    await cluster.redis.kill('SIGKILL');
    await fires('TickwirePricesStale');
    await fires('TickwireNoLeader');
    expect(await firing()).toEqual(['TickwireNoLeader', 'TickwirePricesStale']);
    await cluster.redis.restart();
    await calm();
  }, 120_000);

  it('TickwirePricesStale fires while the feed is paused, and ends when it goes on', async () => {
    await fetch(`${cluster.url}/api/feed/pause`, { method: 'POST', headers });
    await fires('TickwirePricesStale');
    expect(await firing()).toEqual(['TickwirePricesStale']);
    await fetch(`${cluster.url}/api/feed/resume`, { method: 'POST', headers });
    await calm();
  }, 120_000);

  it('TickwireTicksLate and TickwireClientsSlow fire while old ticks are pushed and after clients that read nothing are disconnected, and end afterwards', async () => {
    const client = createPlainClient(cluster.url, '/stream/DEMO');
    onTestFinished(() => client.close());
    await client.seen('subscribed');
    const [replica] = await followers();
    const at = replica?.url ?? '';
    const { symbols } = (await (await fetch(`${at}/api/symbols`)).json()) as {
      symbols: { symbol: string }[];
    };
    const readers = Array.from({ length: 3 }, () =>
      createRawReader({ url: at, symbols: symbols.map(({ symbol }) => symbol) }),
    );
    onTestFinished(() => readers.forEach((reader) => reader.close()));
    await until(() => readers.every((reader) => reader.messages() > 10));
    for (const reader of readers) reader.stopReading();
    const both = ['TickwireClientsSlow', 'TickwireTicksLate'];
    await until(
      async () => {
        const body = JSON.stringify([{ symbol: 'DEMO', price: '1', ts: Date.now() - 10_000 }]);
        await fetch(`${cluster.url}/api/ticks`, { method: 'PUT', headers, body });
        const names = await firing();
        return both.every((name) => names.includes(name));
      },
      { withinMs: 30_000, saw: firing },
    );
    expect(await firing()).toEqual(both);
    await calm();
  }, 120_000);
});
