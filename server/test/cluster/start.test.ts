/** What a start says to people: where it listens, and why it cannot. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, it, onTestFinished } from 'vitest';
import { startEmbeddedCluster } from '../support/processes/embedded-cluster.ts';
import { listen } from '../../src/support/listen.ts';

const main = join(import.meta.dirname, '../../../dist/server/src/main.js');
const hasIpv6 = Object.values(networkInterfaces()).some((all) =>
  all?.some(({ address }) => address === '::1'),
);

it.each([
  ['PORT', 'local'],
  ['PORT', 'redis'],
  ['METRICS_PORT', 'local'],
  ['METRICS_PORT', 'redis'],
])('a taken %s is told in one sentence with BACKPLANE=%s', async (setting, backplane) => {
  const other = createServer();
  onTestFinished(() => void other.close());
  const port = await listen(other, { host: '', port: 0 });
  const child = spawn(process.execPath, [main], {
    env: {
      ...process.env,
      BACKPLANE: backplane,
      HOST: '',
      PORT: '0',
      [setting]: String(port),
      WORKERS: '1',
      LOG_LEVEL: 'silent',
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const [said, [code]] = await Promise.all([text(child.stderr), once(child, 'exit')]);
  expect(code).toBe(1);
  expect(said).toBe(
    `Tickwire cannot start: port ${port} is taken: end the program that listens there, or set ${setting} to another port\n`,
  );
});

it.runIf(hasIpv6)('an IPv6 host stands in brackets', async () => {
  const cluster = await startEmbeddedCluster({ HOST: '::1', WORKERS: '1' });
  onTestFinished(() => cluster.close());
  expect(cluster.url).toMatch(/^http:\/\/\[::1\]:\d+\/$/);
  expect((await fetch(`${cluster.url}health`)).status).toBe(200);
});
