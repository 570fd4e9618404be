/**
 * What two real replicas tell of real traffic: every figure that the board, the rules and the README name, and every query
 * of the board has an answer, by a real Prometheus where one is installed.
 */
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Child } from '../support/start-child.ts';
import { startCluster, type Cluster } from '../support/start-cluster.ts';
import { freePort } from '../support/free-port.ts';
import { createRecorder, type Recorder } from '../support/recorder.ts';
import { until } from '../support/until.ts';
import { alerts, boardQueries, figuresIn, hasProgram, otherQueries, prometheusFolder } from './files.ts';
import { askPrometheus, configFor, queryPrometheus, startPrometheus, type Sample } from './prometheus.ts';

let cluster: Cluster;
let clients: Recorder[] = [];
/** Of their figures, by node. */
const ports = new Map<string, number>();

/** What the first replica tells. */
const figures = async (): Promise<string> =>
  (await fetch(`http://127.0.0.1:${ports.get('r1')}/metrics`)).text();

/** Names as they stand behind `# TYPE`: of a histogram without `_bucket` and the like. */
const familiesOf = (text: string): string[] =>
  [...text.matchAll(/^# TYPE (\w+) /gm)].map(([, name = '']) => name);

beforeAll(async () => {
  cluster = await startCluster({
    replicas: 2,
    env: { UPDATE_INTERVAL: '100' },
    launchOf: async (node) => {
      const port = await freePort();
      ports.set(node, port);
      return { env: { METRICS_PORT: String(port) } };
    },
  });
  clients = cluster.replicas.flatMap(({ url }) => [
    createRecorder(url, { transports: ['websocket'], auth: { userId: 'ann' } }),
    createRecorder(url, { transports: ['polling'] }),
  ]);
  for (const client of clients) client.follow(['BTC-USD', 'ETH-USD']);
  await Promise.all(clients.map((client) => client.seen('tick', 5, 20_000)));
});

afterAll(async () => {
  for (const client of clients) client.close();
  await cluster.stop();
});

describe('a replica', () => {
  it('tells every figure that the board and the rules name, those of its process too', async () => {
    const told = new Set((await figures()).split('\n').flatMap((line) => /^(\w+)[{ ]/.exec(line)?.[1] ?? []));
    const named = figuresIn(
      [...boardQueries.map(({ expr }) => expr), ...otherQueries, ...alerts.map(({ expr }) => expr)].join(' '),
    );
    expect(named.length).toBeGreaterThan(30);
    expect(named.filter((name) => !told.has(name))).toEqual([]);
  });

  it('tells the five names that are promised, and they count', async () => {
    const text = await figures();
    const sumOf = (name: string): number =>
      [...text.matchAll(new RegExp(`^${name}\\{.*\\} (\\S+)$`, 'gm'))].reduce(
        (sum, [, value]) => sum + Number(value),
        0,
      );
    expect(sumOf('socket_connections_total')).toBe(2);
    expect(sumOf('socket_connections_active')).toBe(2);
    // To each: connect, hello, feed, the answer, the snapshot and five ticks; from each: connect and a call.
    expect(sumOf('socket_messages_sent_total')).toBeGreaterThanOrEqual(20);
    expect(sumOf('socket_messages_received_total')).toBe(4);
    expect(sumOf('tickwire_users_active')).toBe(1);
    expect(text).toMatch(/^socket_errors_total\{kind="internal",node="r\d"\} 0$/m);
    expect(sumOf('tickwire_backplane_up')).toBe(1);
    expect(sumOf('tickwire_backplane_round_trip_seconds_count')).toBeGreaterThan(0);
    expect(sumOf('tickwire_symbols_served')).toBe(2);
  });

  it('counts the answers of its API, by their kind', async () => {
    const url = cluster.replicas[0]?.url ?? '';
    const counts = async (): Promise<(string | undefined)[]> => {
      const text = await figures();
      return ['2xx', '4xx', '429', '5xx'].map(
        (code) =>
          new RegExp(`^tickwire_api_answers_total\\{code="${code}",.*\\} (\\d+)$`, 'm').exec(text)?.[1],
      );
    };
    expect(await counts()).toEqual(['0', '0', '0', '0']);
    await fetch(`${url}/api/ticks?symbols=BTC-USD`);
    await fetch(`${url}/api/message`, { method: 'POST' });
    await fetch(`${url}/api/nothing`);
    await fetch(`${url}/health`);
    await until(async () => (await counts()).join(' ') === '1 2 0 0', { saw: counts });
  });

  it('has a line in the README for each figure of its own, and the README names no other', async () => {
    const readme = readFileSync(join(import.meta.dirname, '../../../README.md'), 'utf8');
    const operations = /^## Operations\n(.*?)^## /ms.exec(readme)?.[1] ?? '';
    const own = familiesOf(await figures()).filter((name) => /^(tickwire|socket)_/.test(name));
    const named = new Set(operations.match(/`(?:tickwire|socket)_\w+`/g)?.map((name) => name.slice(1, -1)));
    expect([...named].toSorted()).toEqual(own.toSorted());
    // Each rule with when it fires and what to do then.
    const rules = [...operations.matchAll(/^\| `(Tickwire\w+)` \| .{10,} \| .{10,} \|$/gm)].map(
      ([, name]) => name,
    );
    expect(rules).toEqual(alerts.map(({ name }) => name));
  });
});

describe.skipIf(!hasProgram('prometheus'))('a real Prometheus', () => {
  const own = mkdtempSync(join(tmpdir(), 'tickwire-prometheus-'));
  let url = '';
  let prometheus: Child;

  const api = <T>(path: string): Promise<T> => askPrometheus<T>(url, path);
  const query = (expr: string): Promise<Sample[]> => queryPrometheus(url, expr);

  beforeAll(async () => {
    cpSync(join(prometheusFolder, 'alerts.yml'), join(own, 'alerts.yml'));
    const targets = [...ports.values()].map((port) => `127.0.0.1:${port}`);
    const config = configFor(targets, '500ms');
    ({ url, child: prometheus } = await startPrometheus(own, config));
    await prometheus.until(
      async () => (await query('count(count_over_time(up[1m]) >= 4)').catch(() => []))[0]?.value[1] === '2',
      { what: 'scraping both replicas', withinMs: 30_000 },
    );
  });

  afterAll(async () => {
    await prometheus.end('SIGTERM', 5_000);
    rmSync(own, { recursive: true, force: true });
  });

  it('has an answer to every query of the board', async () => {
    const silent: string[] = [];
    for (const { title, expr } of boardQueries)
      if ((await query(expr)).length === 0) silent.push(`${title}: ${expr}`);
    expect(silent).toEqual([]);
    const ages = await query(boardQueries.find(({ title }) => title === 'Tick age, p99')?.expr ?? '');
    expect(Number(ages[0]?.value[1])).toBeGreaterThan(0);
    expect(Number(ages[0]?.value[1])).toBeLessThan(1);
  });

  it('has a series for every name with labels that the rules ask for', async () => {
    const asked = alerts.flatMap(({ expr }) => expr.match(/\w+\{[^}]+\}/g) ?? []);
    expect(asked.length).toBeGreaterThanOrEqual(5);
    const silent: string[] = [];
    for (const selector of new Set(asked)) if ((await query(selector)).length === 0) silent.push(selector);
    expect(silent).toEqual([]);
  });

  it('has the rules, none of which fires; and a replica that ends is noticed', async () => {
    const rules = async (): Promise<Record<string, string>> => {
      const { groups } = await api<{
        groups: { rules: { name: string; state: string; health: string }[] }[];
      }>('rules');
      return Object.fromEntries(
        groups.flatMap((group) => group.rules.map(({ name, state }) => [name, state])),
      );
    };
    expect(await rules()).toEqual(Object.fromEntries(alerts.map(({ name }) => [name, 'inactive'])));
    await cluster.replicas[1]?.kill('SIGKILL');
    await until(async () => (await rules())['TickwireReplicaDown'] === 'pending', {
      withinMs: 20_000,
      saw: rules,
    });
    expect((await query('count(up == 1)'))[0]?.value[1]).toBe('1');
  });
});

describe('Redis that goes and comes back', () => {
  it('is told by a replica that lost it, with the prices that are stale meanwhile', async () => {
    const valuesOf = async (): Promise<Record<string, string | undefined>> => {
      const text = await figures();
      return Object.fromEntries(
        ['backplane_up', 'backplane_outages_total', 'stale'].map((name) => [
          name,
          new RegExp(`^tickwire_${name}\\{.*\\} (\\d+)$`, 'm').exec(text)?.[1],
        ]),
      );
    };
    const become = (wanted: Record<string, string>): Promise<unknown> =>
      until(
        async () => {
          const values = await valuesOf();
          return Object.entries(wanted).every(([name, value]) => values[name] === value);
        },
        { withinMs: 20_000, saw: valuesOf },
      );
    await become({ backplane_up: '1', backplane_outages_total: '0', stale: '0' });
    await cluster.redis.kill('SIGKILL');
    await become({ backplane_up: '0', backplane_outages_total: '1', stale: '1' });
    await cluster.redis.restart();
    await become({ backplane_up: '1', stale: '0' });
  });
});
