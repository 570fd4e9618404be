/** What the README says of who is online, run as it stands with a replica that is killed. */
import { expect, it, onTestFinished } from 'vitest';
import { freePort } from '../support/free-port.ts';
import { startEmbeddedCluster, untilAllThere } from '../support/embedded-cluster.ts';
import { createRecorder } from '../support/recorder.ts';
import { until } from '../support/until.ts';
import { example, runExample } from './examples.ts';

it('shows how a backend knows who is online, also when a replica dies', async () => {
  const secret = 'dummy-backend-secret-of-32-bytes-1';
  const apiKey = 'dummy-key-1';
  const port = await freePort();
  const server = example('js', 'timingSafeEqual')
    .replace('9000', String(port))
    .replace('const takeEvent', 'const takeOthers')
    .replace('takeEvent(rest)', '(takeNotice(rest), takeOthers(rest))');
  const backend = await runExample(
    `${example('js', 'keepPresence')}
    const takeNotice = (notice) => {
      keepPresence(notice);
      console.log('online:', [...online.values()].map(({ user }) => user).sort().join(' '));
    };
    ${server}`,
    { ...process.env, BACKEND_SECRET: secret },
  );
  const cluster = await startEmbeddedCluster({
    BACKEND_URL: `http://127.0.0.1:${port}/`,
    BACKEND_SECRET: secret,
    API_KEYS: apiKey,
  });
  onTestFinished(() => cluster.close());
  await untilAllThere(cluster, 2, apiKey);
  const nodes = new Map<string, string>();
  while (new Set(nodes.values()).size < 2) {
    expect(nodes.size).toBeLessThan(9);
    const userId = `user${nodes.size + 1}`;
    const client = createRecorder(cluster.url, {
      transports: ['websocket'],
      reconnection: false,
      auth: { userId },
    });
    onTestFinished(() => client.close());
    await client.seen('hello', 1, 10_000);
    nodes.set(userId, client.hellos()[0]?.node ?? '');
  }
  const online = (users: readonly string[]) =>
    until(
      () => backend.logs().findLast((line) => line.startsWith('online:')) === `online: ${users.join(' ')}`,
      {
        withinMs: 10_000,
        saw: () => backend.logs(),
      },
    );
  await online([...nodes.keys()].toSorted());
  const [killed = ''] = nodes.values();
  cluster.kill(killed);
  await online([...nodes].flatMap(([user, node]) => (node === killed ? [] : [user])).toSorted());
});
