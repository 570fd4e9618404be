/** The rules and the board by themselves: Prometheus' own tool takes them, and the rules' own tests pass. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  alerts,
  board,
  boardQueries,
  boards,
  datasource,
  figuresIn,
  folder,
  hasProgram,
  otherQueries,
  prometheusConfig,
  prometheusFolder,
} from './files.ts';

/** Exit code and output of Prometheus' tool, in the folder of its files. */
function promtool(args: readonly string[], cwd = prometheusFolder): { status: number | null; said: string } {
  const { status, stdout, stderr } = spawnSync('promtool', args, { cwd, encoding: 'utf8' });
  return { status, said: `${stdout}${stderr}` };
}

/** Whether each of these is PromQL, by a file of recording rules that has them all. */
function checkQueries(queries: readonly string[]): { status: number | null; said: string } {
  const own = mkdtempSync(join(tmpdir(), 'tickwire-queries-'));
  onTestFinished(() => rmSync(own, { recursive: true }));
  const rules = queries.map((expr, index) => ({ record: `query:${index}`, expr }));
  // JSON is YAML.
  writeFileSync(join(own, 'queries.yml'), JSON.stringify({ groups: [{ name: 'queries', rules }] }));
  return promtool(['check', 'rules', 'queries.yml'], own);
}

describe.skipIf(!hasProgram('promtool'))('by promtool', () => {
  it('the configuration and the rules are taken', () => {
    expect(promtool(['check', 'config', 'prometheus.yml'])).toMatchObject({ status: 0 });
    expect(promtool(['check', 'rules', 'alerts.yml']).said).toContain('5 rules found');
  });

  it('every rule fires when it should, and not before', () => {
    const { status, said } = promtool(['test', 'rules', 'alerts.test.yml']);
    expect(said).toContain('SUCCESS');
    expect(status).toBe(0);
  });

  it('every query of the board is PromQL', () => {
    const queries = [...boardQueries.map(({ expr }) => expr), ...otherQueries];
    expect(queries.length).toBeGreaterThan(40);
    expect(checkQueries(queries)).toMatchObject({ status: 0 });
    expect(checkQueries(['sum(rate(x[1m])']).status).not.toBe(0);
  });
});

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
