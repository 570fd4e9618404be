/** Which replica a client reaches: DESIGN's sticky rules on a real Nginx in front of scripted replicas. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startNginx, type NginxServer } from '../support/processes/start-nginx.ts';
import { ask, openSocket, upgradedBy } from './ask.ts';
import { createScriptedUpstream, type ScriptedUpstream } from './scripted-upstream.ts';

let replicas: ScriptedUpstream[] = [];
let nginx: NginxServer;

beforeAll(async () => {
  replicas = await Promise.all(['r1', 'r2', 'r3'].map((name) => createScriptedUpstream(name)));
  nginx = await startNginx({ replicas });
});

afterAll(async () => {
  await nginx?.stop();
  await Promise.all(replicas.map((replica) => replica.close()));
});

/** Who answers each of these paths, one after another. */
async function whoAnswers(paths: string[], from?: string): Promise<string[]> {
  const names: string[] = [];
  for (const path of paths)
    names.push((await ask(nginx.port, path, from === undefined ? {} : { from })).body);
  return names;
}

test('a stream that sends its cid stays on one replica, whatever its transport and session id', async () => {
  const polling = await whoAnswers([
    '/socket.io/?EIO=4&transport=polling&cid=abc',
    '/socket.io/?EIO=4&transport=polling&cid=abc&sid=s1',
    '/socket.io/?cid=abc&EIO=4&transport=polling&sid=s1',
  ]);
  const upgraded = await upgradedBy(nginx.port, '/socket.io/?EIO=4&transport=websocket&cid=abc&sid=s1');
  expect(new Set([...polling, upgraded]).size).toBe(1);
});

test.each([
  ['60 cids', (i: number) => whoAnswers([`/socket.io/?EIO=4&transport=polling&cid=client-${i}`])],
  ['stock clients on WebSocket alone', () => upgradedBy(nginx.port, '/socket.io/?EIO=4&transport=websocket')],
])('%s from one address spread over all replicas', async (_, connect) => {
  const names: string[] = [];
  for (let i = 0; i < 60; i += 1) names.push(String(await connect(i)));
  for (const { name } of replicas) expect(names.filter((other) => other === name).length).toBeGreaterThan(5);
});

test('stock polling clients stick to their address, and addresses spread', async () => {
  const perAddress: string[] = [];
  for (let i = 1; i <= 30; i += 1) {
    const from = `127.0.0.${i}`;
    const names = await whoAnswers(
      ['/socket.io/?EIO=4&transport=polling', '/socket.io/?EIO=4&transport=polling&sid=s1'],
      from,
    );
    const upgraded = await upgradedBy(nginx.port, '/socket.io/?EIO=4&transport=websocket&sid=s1', { from });
    expect([...names, upgraded]).toEqual([upgraded, upgraded, upgraded]);
    perAddress.push(upgraded);
  }
  expect(new Set(perAddress).size).toBe(3);
});

test('plain streams and pages go to whoever has the fewest connections', async () => {
  const sockets = await Promise.all(
    Array.from({ length: 9 }, () => openSocket(nginx.port, '/stream/BTC-USD')),
  );
  const names = sockets.map(({ name }) => name);
  for (const { socket } of sockets) socket?.destroy();
  for (const { name } of replicas) expect(names.filter((other) => other === name)).toHaveLength(3);
});

test('both addresses of the plain stream are upgraded', async () => {
  const byQuery = await openSocket(nginx.port, '/stream?symbols=BTC-USD,ETH-USD');
  byQuery.socket?.destroy();
  expect(byQuery.status).toBe(101);
  const seen = replicas.flatMap((replica) => replica.seen.map(({ url }) => url));
  expect(seen).toContain('/stream?symbols=BTC-USD,ETH-USD');
});

test('only /socket.io/ itself is passed on', async () => {
  for (const path of ['/socket.io/x', '/socket.io/x/?EIO=4&transport=polling', '/socket.io/../socket.io/x']) {
    const { status, headers } = await ask(nginx.port, path);
    expect({ path, status, type: headers['content-type'] }).toEqual({
      path,
      status: 404,
      type: 'application/problem+json',
    });
  }
  expect(replicas.flatMap(({ seen }) => seen.filter(({ url }) => url.includes('/socket.io/x')))).toEqual([]);
});

test("the stock client's script is passed on", async () => {
  for (const path of [
    '/socket.io/socket.io.js',
    '/socket.io/socket.io.esm.min.js',
    '/socket.io/socket.io.min.js.map',
  ]) {
    expect((await ask(nginx.port, path)).status).toBe(200);
  }
});
