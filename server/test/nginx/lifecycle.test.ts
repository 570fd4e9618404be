/** The Nginx of tests and of `npm run cluster` reloads its configuration. */
import { once } from 'node:events';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startNginx, type NginxServer } from '../support/processes/start-nginx.ts';
import { ask, openSocket } from './ask.ts';
import { createScriptedUpstream, type ScriptedUpstream } from './scripted-upstream.ts';

let replica: ScriptedUpstream;
let nginx: NginxServer;

beforeEach(async () => {
  replica = await createScriptedUpstream('r1');
  nginx = await startNginx({ replicas: [replica], shutdownTimeoutMs: 500 });
});

afterEach(async () => {
  await nginx?.stop();
  await replica.close();
});

test('a reload brings other replicas; open sockets live on until the shutdown limit, and then end', async () => {
  const other = await createScriptedUpstream('r2');
  const { socket } = await openSocket(nginx.port, '/stream/BTC-USD');
  if (socket === null) throw new Error('no socket');
  const ended = once(socket, 'close');
  await nginx.setReplicas([other]);
  expect(socket.readyState).toBe('open');
  expect((await ask(nginx.port, '/')).body).toBe('r2');
  await ended;
  await other.close();
});

test('a configuration that Nginx refuses is told, and the old one serves on', async () => {
  await expect(nginx.setReplicas([])).rejects.toThrow(/kept its configuration.*no servers/);
  expect((await ask(nginx.port, '/')).body).toBe('r1');
});
