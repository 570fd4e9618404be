/** The redis-server that tests and `npm run cluster` start: clear errors, the same port again, and nothing left behind. */
import { afterEach, expect, it } from 'vitest';
import { type RedisServer, startRedis } from '../support/start-redis.ts';

const servers: RedisServer[] = [];
const path = process.env['PATH'];

afterEach(async () => {
  process.env['PATH'] = path;
  await Promise.all(servers.splice(0).map((server) => server.stop()));
});

async function start(options?: Parameters<typeof startRedis>[0]): Promise<RedisServer> {
  const server = await startRedis(options);
  servers.push(server);
  return server;
}

/** Signal 0 asks whether the process is there. */
function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

it('comes back on the same port after a kill, as another process', async () => {
  const server = await start();
  const { pid } = server;
  await server.kill('SIGKILL');
  expect(isAlive(pid)).toBe(false);
  await server.restart();
  expect(server.url).toBe(`redis://127.0.0.1:${server.port}`);
  expect(server.pid).not.toBe(pid);
  expect(isAlive(server.pid)).toBe(true);
});

it('is ended by stop also while it is frozen, and a second stop does nothing', async () => {
  const server = await start();
  const { pid } = server;
  await server.kill('SIGSTOP');
  await server.stop();
  await server.stop();
  expect(isAlive(pid)).toBe(false);
  await expect(server.restart()).rejects.toThrow('stopped for good');
});

it('says so when the port is taken, and leaves its owner alone', async () => {
  const { port, pid } = await start();
  await expect(start({ port })).rejects.toThrow(new RegExp(`port ${port}.* is taken`));
  expect(isAlive(pid)).toBe(true);
});

it('says what to install when redis-server is missing', async () => {
  process.env['PATH'] = '/nowhere';
  await expect(start()).rejects.toThrow('apt-get install redis-server');
});

it('shows what redis-server said when it does not start', async () => {
  await expect(start({ args: ['--no-such-setting', '1'] })).rejects.toThrow('no-such-setting');
});
