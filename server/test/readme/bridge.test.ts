/** The README's examples of a backend: it proves where events come from, answers, and knows who is online when a replica dies. */
import { createHmac } from 'node:crypto';
import { expect, it, onTestFinished } from 'vitest';
import { freePort } from '../support/processes/free-port.ts';
import { startEmbeddedCluster, untilAllThere } from '../support/processes/embedded-cluster.ts';
import { createRecorder } from '../support/clients/recorder.ts';
import { until } from '../support/until.ts';
import { example, expectPrinted, runExample } from './examples.ts';

it('shows a backend that proves where events come from, and knows who is online also when a replica dies', async () => {
  const secret = 'dummy-backend-secret-of-32-bytes-1';
  const apiKey = 'dummy-key-1';
  const port = await freePort();
  const url = `http://127.0.0.1:${port}/`;
  const env = { ...process.env, BACKEND_SECRET: secret };
  expect(example('sh', 'node backend.mjs')).toMatch(
    /BACKEND_SECRET="\$\(openssl rand -hex 32\)"\nnode backend.mjs &\nBACKEND_URL=http:\/\/127.0.0.1:9000\/ npm start\n$/,
  );
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
    { env },
  );
  const cluster = await startEmbeddedCluster({
    BACKEND_URL: url,
    BACKEND_SECRET: secret,
    API_KEYS: apiKey,
  });
  onTestFinished(() => cluster.close());
  await untilAllThere(cluster, 2, apiKey);

  const order = `import { io } from 'socket.io-client';
    const socket = io('${cluster.url}', { auth: { userId: 'ann' } });
    ${example('js', "emit('order'")}`;
  const client = await runExample(order, { env });
  await expectPrinted(client, /^order AAPL-1$/);
  expect(backend.logs().filter((line) => !line.startsWith('online:'))).toEqual([
    'ann: connect',
    'ann: order',
  ]);
  const body = JSON.stringify({ id: 'r1', event: 'order', data: { symbol: 'A' }, user: 'eve' });
  const post = async (secondsAgo: number, by = secret): Promise<number> => {
    const t = Math.floor(Date.now() / 1_000) - secondsAgo;
    const digest = createHmac('sha256', by).update(`${t}.${body}`).digest('hex');
    const headers = { 'Tickwire-Signature': `t=${t},v1=${digest}` };
    return (await fetch(url, { method: 'POST', headers, body })).status;
  };
  expect((await fetch(url, { method: 'POST', body })).status).toBe(401);
  expect([await post(0, 'another secret'), await post(301), await post(1), await post(0)]).toEqual([
    401, 401, 200, 409,
  ]);
  await client.kill('SIGKILL');

  const nodes = new Map<string, string>();
  while (new Set(nodes.values()).size < 2) {
    expect(nodes.size).toBeLessThan(9);
    const userId = `user${nodes.size + 1}`;
    const options = { transports: ['websocket'], reconnection: false, auth: { userId } };
    const recorder = createRecorder(cluster.url, options);
    onTestFinished(() => recorder.close());
    await recorder.seen('hello', 1, 10_000);
    nodes.set(userId, recorder.hellos()[0]?.node ?? '');
  }
  const online = (users: readonly string[]) =>
    until(
      () => backend.logs().findLast((line) => line.startsWith('online:')) === `online: ${users.join(' ')}`,
      { withinMs: 10_000, saw: () => backend.logs() },
    );
  await online([...nodes.keys()].toSorted());
  const [killed = ''] = nodes.values();
  cluster.kill(killed);
  await online([...nodes].flatMap(([user, node]) => (node === killed ? [] : [user])).toSorted());
});
