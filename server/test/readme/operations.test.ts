/** The examples of the README's section on operations. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { hasProgram } from '../observability/files.ts';
import { startPrometheus } from '../observability/prometheus.ts';
import { startEmbeddedCluster } from '../support/embedded-cluster.ts';
import { until } from '../support/until.ts';
import { example, ownAddress, root } from './examples.ts';

it('shows how to read figures, which have a line for each worker', async () => {
  const cluster = await startEmbeddedCluster();
  onTestFinished(() => cluster.close());
  const command = example('sh', '/metrics').replaceAll(ownAddress, cluster.url.replace(/\/$/, ''));
  const read = () => spawnSync('sh', ['-c', command], { encoding: 'utf8' }).stdout;
  const lines = ['replica-1', 'replica-2'].map((node) => `socket_connections_active{node="${node}"} 0`);
  await until(() => read().trim().split('\n').toSorted().join('\n') === lines.join('\n'), {
    withinMs: 10_000,
    saw: read,
  });
});

it.skipIf(!hasProgram('prometheus'))('shows how a Prometheus of your own takes a machine', async () => {
  const cluster = await startEmbeddedCluster();
  const own = mkdtempSync(join(tmpdir(), 'tickwire-prometheus-'));
  const { host } = new URL(cluster.url);
  const config = example('yaml', 'scrape_configs').replace('localhost:8080', host);
  const { url, child: prometheus } = await startPrometheus(
    own,
    `global: { scrape_interval: 500ms }\n${config}`,
  );
  onTestFinished(async () => {
    await prometheus.end('SIGTERM', 5_000);
    await cluster.close();
    rmSync(own, { recursive: true, force: true });
  });
  const ask = async (): Promise<string> => {
    const query = 'sum(tickwire_leading) + count(up{job="tickwire"} == 1)';
    const answer = await fetch(`${url}/api/v1/query?query=${encodeURIComponent(query)}`);
    return answer.text();
  };
  await until(async () => (await ask().catch(() => '')).includes('"2"]'), {
    withinMs: 30_000,
    saw: () => prometheus.logs(),
  });
});

it.skipIf(spawnSync('docker', ['compose', 'version']).status !== 0)(
  'shows how to start Prometheus and Grafana beside the cluster',
  () => {
    const command = example('sh', '--profile observability');
    expect(command).toBe('docker compose --profile observability up --build\n');
    const checked = command.replace('up --build', 'config --services');
    const { stdout, status } = spawnSync('sh', ['-c', checked], { cwd: root, encoding: 'utf8' });
    expect([status, stdout.trim().split('\n').toSorted()]).toEqual([
      0,
      ['grafana', 'nginx', 'prometheus', 'redis', 'replica'],
    ]);
  },
);
