/** The Redis home on a Redis with settings of its own: an eviction policy, no memory left, users and their rules. */
import { expect, it, vi } from 'vitest';
import {
  cleanUpAfterEach,
  command,
  everyCall,
  expectMessages,
  expectUnavailable,
  openNode,
  redisServer,
  untilAt,
} from './redis-node.ts';
import { leadLog } from './log-steps.ts';

cleanUpAfterEach();

it.each([
  {
    what: 'Redis would evict keys',
    args: ['--maxmemory', '10mb', '--maxmemory-policy', 'allkeys-lru'],
    reason: 'Redis has maxmemory-policy allkeys-lru: it must be noeviction',
    mend: 'CONFIG SET maxmemory-policy noeviction',
  },
  {
    what: 'its user may not ask which life of the server it is',
    args: ['--user', 'default', 'on', 'nopass', '~*', '&*', '+@all', '-info'],
    reason: 'the Redis user may not run INFO: it must, or a restart could go unnoticed',
    mend: 'ACL SETUSER default +info',
  },
])('stays down with the reason while $what, and comes up when that is mended', async (row) => {
  const server = await redisServer(row.args);
  const node = openNode(server.url);
  await vi.waitFor(() => expect(node.backplane.state()).toMatchObject({ at: 'down', reason: row.reason }), {
    timeout: 10_000,
    interval: 10,
  });
  await expectUnavailable(everyCall(node.backplane));
  await command(server, row.mend);
  await untilAt(node, 'up', 2_500);
});

it('turns a write that finds no memory into BackplaneUnavailable, and nothing is stored of it', async () => {
  const server = await redisServer();
  const node = openNode(server.url);
  await untilAt(node, 'up', 5_000);
  const term = await leadLog(node.driver, 1);
  await command(server, 'CONFIG SET maxmemory 1');
  await expectUnavailable([term.append({ prices: [['A', '1']] })]);
  await command(server, 'CONFIG SET maxmemory 0');
  expect(await node.driver.tickLog.readState()).toMatchObject({ number: 0, quotes: [] });
  expect(await term.append({ prices: [['A', '1']] })).toEqual({ ok: true });
});

it('takes user and password from the url, and stays down where they are wrong', async () => {
  // A pattern subscription must stand in the rules as it is: those of channels do not cover it.
  const rules = ['>se:cret', '~sign-in:*', '&sign-in:*', '&sign-in:io#/#*', '+@all'];
  const server = await redisServer(['--user', 'tick', 'on', ...rules, '--user', 'default', 'off']);
  const right = openNode(
    `redis://tick:${encodeURIComponent('se:cret')}@127.0.0.1:${server.port}/0`,
    'node-1',
    'sign-in',
  );
  await untilAt(right, 'up', 2_000);
  const wrong = openNode(`redis://tick:wrong@127.0.0.1:${server.port}`, 'node-2');
  // The user may touch nothing outside the prefix, so this also shows that every key and channel begins with it.
  await expectMessages(right, right, 'signed-in');
  expect(await right.driver.tickLog.claim(1)).toMatchObject({ ok: true });
  expect(await right.backplane.lease.take(await right.backplane.lease.read())).toMatchObject({ epoch: 2 });
  await right.backplane.lease.release(2);
  expect(await right.driver.call('node-1', null)).toMatchObject({ ok: true });
  expect(wrong.backplane.state().at).toBe('down');
  await expectUnavailable(everyCall(wrong.backplane));
});
