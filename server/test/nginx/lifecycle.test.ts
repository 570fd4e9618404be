/** The Nginx of tests and of `npm run cluster` as a process: reload, sudden end, no remains. */
import { once } from 'node:events';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startNginx, type NginxServer } from '../support/start-nginx.ts';
import { ask, openSocket } from './ask.ts';
import { createScriptedUpstream, type ScriptedUpstream } from './scripted-upstream.ts';

let replica: ScriptedUpstream;
let nginx: NginxServer;
const exits: unknown[] = [];

beforeEach(async () => {
  exits.length = 0;
  replica = await createScriptedUpstream('r1');
  nginx = await startNginx({
    replicas: [replica],
    shutdownTimeoutMs: 500,
    onExit: (exit) => exits.push(exit),
  });
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

test('after SIGKILL the workers are gone too and the port can be used again', async () => {
  await nginx.kill('SIGKILL');
  await expect(ask(nginx.port, '/')).rejects.toThrow(/ECONNREFUSED/);
  await nginx.restart();
  expect((await ask(nginx.port, '/')).body).toBe('r1');
  expect(exits).toEqual([]);
});

test('an end that nobody here asked for is told', async () => {
  process.kill(nginx.pid, 'SIGKILL');
  await expect.poll(() => exits).toEqual([{ code: null, signal: 'SIGKILL' }]);
});

test('a taken port is a clear error, and its owner serves on', async () => {
  await expect(startNginx({ replicas: [replica], port: nginx.port })).rejects.toThrow(
    `port ${nginx.port} is taken`,
  );
  expect((await ask(nginx.port, '/')).body).toBe('r1');
});
