/**
 * The board, the rules, compose and the README agree with each other and with what a replica reports.
 * server/test/faults/prometheus.test.ts runs them.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  alerts,
  board,
  boardQueries,
  boards,
  datasource,
  figuresIn,
  folder,
  otherQueries,
  prometheusConfig,
} from './files.ts';
import { sharedCluster } from '../support/shared-cluster.ts';
import { tell } from './tell.ts';

describe('what compose starts', () => {
  const compose = readFileSync(join(folder, '../docker-compose.yml'), 'utf8');
  const serviceOf = (name: string): string =>
    new RegExp(`^  ${name}:\n(.*?)\n(?=  \\w|\\w)`, 'ms').exec(compose)?.[1] ?? '';
  const services = ['prometheus', 'grafana'].map(serviceOf);

  it('listens on this machine alone, from images of one version, and cannot reach Redis', () => {
    for (const service of services) {
      expect(service).toMatch(/^ +profiles: \[observability\]$/m);
      expect(service).toMatch(/^ +image: [\w/]+:v?\d+\.\d+\.\d+$/m);
      expect(service).toMatch(/^ +ports: \['127\.0\.0\.1:[^']+'\]$/m);
      expect(service).toMatch(/^ +networks: \[(front, )?figures\]$/m);
    }
  });

  it('has a Grafana that everybody may look at, and no account that could be taken', () => {
    const settings = Object.fromEntries(
      [...serviceOf('grafana').matchAll(/^ +GF_(\w+): '?([^'\n]+)'?$/gm)].map(([, name, value]) => [
        name,
        value,
      ]),
    );
    expect(settings).toMatchObject({
      AUTH_ANONYMOUS_ENABLED: 'true',
      AUTH_ANONYMOUS_ORG_ROLE: 'Viewer',
      AUTH_BASIC_ENABLED: 'false',
      SECURITY_DISABLE_INITIAL_ADMIN_CREATION: 'true',
    });
  });

  it('has files that there are, and asks replicas at the port of their figures', () => {
    const mounted = [...services.join('\n').matchAll(/^ +- \.\/(observability\S*?):/gm)].map(
      ([, path = '']) => path,
    );
    expect(mounted).toHaveLength(3);
    expect(mounted.filter((path) => !existsSync(join(folder, '..', path)))).toEqual([]);
    const [, port] = /METRICS_PORT: '(\d+)'/.exec(serviceOf('replica')) ?? [];
    expect(prometheusConfig).toContain(`{ names: [replica], type: A, port: ${port}, refresh_interval: 5s }`);
    expect(datasource).toContain('url: http://prometheus:9090');
    expect(boards).toContain('path: /etc/grafana/dashboards');
    expect(services[1]).toContain(':/etc/grafana/dashboards:ro');
  });
});

describe('the board', () => {
  it('has panels for everything that an operator looks at, and each says what it means', () => {
    expect(board.panels.filter(({ type }) => type === 'row').map(({ title }) => title)).toEqual([
      'Clients',
      'Ticks in and out',
      'Tick age',
      'Slow clients',
      'Recovered and gaps',
      'Lease and leader',
      'Redis',
      'Event loop and process',
      'Users, API and backend',
    ]);
    const bare = board.panels.filter(
      ({ type, description = '', targets = [] }) =>
        type !== 'row' && (!description.endsWith('.') || targets.length === 0),
    );
    expect(bare.map(({ title }) => title)).toEqual([]);
  });

  it('asks the one source that is provided', () => {
    const [, uid] = /^ +uid: (\w+)$/m.exec(datasource) ?? [];
    const asked = board.panels.flatMap(({ datasource: own, targets = [] }) => [
      ...(own === undefined ? [] : [own.uid]),
      ...targets.map((target) => target.datasource.uid),
    ]);
    expect(new Set(asked)).toEqual(new Set([uid]));
  });

  it('shows the figures of every rule', () => {
    const shown = figuresIn(boardQueries.map(({ expr }) => expr).join(' '));
    expect(alerts).toHaveLength(5);
    expect(shown).toEqual(expect.arrayContaining(figuresIn(alerts.map(({ expr }) => expr).join(' '))));
  });
});

describe('a replica of the shared cluster', () => {
  /** With a client that has ticks. */
  async function metrics(): Promise<string> {
    const cluster = sharedCluster();
    const url = cluster.replicas[0]?.url ?? '';
    const client = cluster.connect({ transports: ['websocket'] }, url);
    client.follow(['BTC-USD']);
    await client.seen('tick', 1, 20_000);
    return (await tell(url)).text;
  }

  it('reports every metric that the board and the rules name, those of its process too', async () => {
    const told = new Set((await metrics()).split('\n').flatMap((line) => /^(\w+)[{ ]/.exec(line)?.[1] ?? []));
    const named = figuresIn(
      [...boardQueries.map(({ expr }) => expr), ...otherQueries, ...alerts.map(({ expr }) => expr)].join(' '),
    );
    expect(named.length).toBeGreaterThan(30);
    expect(named.filter((name) => !told.has(name))).toEqual([]);
  });

  it('has a line in the README for each metric of its own, and the README names no other', async () => {
    const readme = readFileSync(join(import.meta.dirname, '../../../README.md'), 'utf8');
    const operations = /^## Operations\n(.*?)^## /ms.exec(readme)?.[1] ?? '';
    // Of a histogram, the name without `_bucket` and the like.
    const own = [...(await metrics()).matchAll(/^# TYPE ((?:tickwire|socket)_\w+) /gm)].map(
      ([, name = '']) => name,
    );
    const named = new Set(operations.match(/`(?:tickwire|socket)_\w+`/g)?.map((name) => name.slice(1, -1)));
    expect([...named].toSorted()).toEqual(own.toSorted());
    // Each rule with when it fires and what to do then.
    const rules = [...operations.matchAll(/^\| `(Tickwire\w+)` \| .{10,} \| .{10,} \|$/gm)].map(
      ([, name]) => name,
    );
    expect(rules).toEqual(alerts.map(({ name }) => name));
  });
});
