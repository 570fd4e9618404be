/** What the Redis home logs of an outage: its begin and its end, once, and no secret. */
import { expect, it, onTestFinished, vi } from 'vitest';
import { createRedisBackplane } from '../../src/backplane/redis/redis-backplane.ts';
import { systemClock } from '../../src/support/clock.ts';
import { createLog } from '../../src/support/log.ts';
import { cleanUpAfterEach, command, redisServer } from './redis-node.ts';

cleanUpAfterEach();

interface Line {
  level: string;
  msg: string;
  redis?: string;
  reason?: string;
}

function open(url: string) {
  const text: string[] = [];
  const log = createLog({ level: 'info', node: 'n', destination: { write: (line) => void text.push(line) } });
  const backplane = createRedisBackplane({ url, prefix: 'log', node: 'n', log, clock: systemClock });
  onTestFinished(() => backplane.close());
  return {
    text,
    lines: () => text.map((line) => JSON.parse(line) as Line),
    untilAt: (at: 'up' | 'down') =>
      vi.waitFor(() => expect(backplane.state().at).toBe(at), { timeout: 10_000, interval: 5 }),
  };
}

it('an outage is one line at its begin and one at its end, at the same level', async () => {
  const server = await redisServer();
  const redis = `127.0.0.1:${server.port}`;
  const node = open(server.url);
  await node.untilAt('up');
  for (let count = 0; count < 2; count++) {
    await server.kill('SIGKILL');
    await node.untilAt('down');
    await server.restart();
    await node.untilAt('up');
  }
  const down = { level: 'warn', redis, reason: 'no connection to Redis', msg: 'the backplane is down' };
  const upAgain = { level: 'warn', redis, msg: 'the backplane is up again' };
  expect(node.lines()).toMatchObject([
    { level: 'info', redis, msg: 'the backplane is up' },
    down,
    upAgain,
    down,
    upAgain,
  ]);
});

it('a Redis that is not there at the start is told once, until it comes', async () => {
  const server = await redisServer();
  await server.kill('SIGKILL');
  const node = open(server.url);
  await vi.waitFor(() => expect(node.text).toHaveLength(1), { timeout: 10_000 });
  await server.restart();
  await node.untilAt('up');
  expect(node.lines()).toMatchObject([
    { level: 'warn', msg: 'the backplane is down' },
    { level: 'warn', msg: 'the backplane is up again' },
  ]);
});

it('a password that Redis refuses is told once, and not what it was', async () => {
  const server = await redisServer();
  await command(server, 'CONFIG SET requirepass right');
  const node = open(`redis://somebody:hush@127.0.0.1:${server.port}`);
  const refusals = () => node.lines().filter(({ level }) => level === 'error');
  await vi.waitFor(() => expect(refusals()).toHaveLength(1), { timeout: 10_000 });
  expect(refusals()[0]).toMatchObject({ reason: expect.stringContaining('WRONGPASS') as string });
  // Each link has tried again by then.
  await vi.waitFor(() => expect(node.lines().some(({ msg }) => msg === 'the backplane is down')).toBe(true));
  expect(node.text.join('')).not.toMatch(/hush|somebody/);
});
