/** The examples of the README's section on operations. */
import { spawnSync } from 'node:child_process';
import { expect, it, onTestFinished } from 'vitest';
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
