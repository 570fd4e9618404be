/**
 * A graceful failover of Redis: primary and replica change places while both live. The name leads new connections to the new primary; the
 * old connections stay open, and the old primary answers pings.
 */
import { expect, it, onTestFinished, vi } from 'vitest';
import { startTcpProxy } from '../support/stand-ins/tcp-proxy.ts';
import { leadLog } from './log-steps.ts';
import { cleanUpAfterEach, command, expectMessages, openNode, redisServer, untilAt } from './redis-node.ts';

cleanUpAfterEach();

/** Two nodes on a name that leads to `primary`, whose data `replica` has too. */
async function openCluster() {
  // A replica gets the data at once.
  const primary = await redisServer(['--repl-diskless-sync-delay', '0']);
  const replica = await redisServer();
  await command(replica, `REPLICAOF 127.0.0.1 ${primary.port}`);
  const name = await startTcpProxy({ to: primary.port });
  onTestFinished(() => name.close());
  const url = `redis://127.0.0.1:${name.port}`;
  const [one, two] = [openNode(url, 'node-1'), openNode(url, 'node-2')];
  await Promise.all([untilAt(one, 'up', 5_000), untilAt(two, 'up', 5_000)]);
  /** The replica becomes the primary, and the primary its replica. */
  const failOver = async (): Promise<void> => {
    // All that was written is on the replica.
    await command(primary, 'WAIT 1 2000', ':1');
    await command(replica, 'REPLICAOF NO ONE');
    name.lead(replica.port);
    await command(primary, `REPLICAOF 127.0.0.1 ${replica.port}`);
  };
  return { one, two, failOver };
}

it('a leader goes on at the new primary, in a new generation, with all prices', async () => {
  const { one, two, failOver } = await openCluster();
  const before = await leadLog(one.driver, 1);
  await before.append({ prices: [['A', '1.50']] });
  await failOver();
  await vi.waitFor(
    async () => {
      const after = await leadLog(one.driver, 2);
      expect(await after.append({ prices: [['A', '2']] })).toEqual({ ok: true });
      expect(after.gen).not.toBe(before.gen);
    },
    { timeout: 10_000, interval: 100 },
  );
  // The other node may read from the old primary until it notices.
  await vi.waitFor(
    async () =>
      expect((await two.driver.tickLog.readState())?.quotes).toMatchObject([
        { quote: { symbol: 'A', price: '2', seq: 1 } },
      ]),
    { timeout: 10_000, interval: 100 },
  );
});

it('nodes that write nothing notice it too, and hear each other again', async () => {
  const { one, two, failOver } = await openCluster();
  // The first connection may take several tries: only what follows counts.
  const before = [one, two].map(({ states }) => states.length);
  await failOver();
  // Down more than once if a new connection still found the old primary, or if the reason changed.
  await vi.waitFor(
    () => {
      for (const [index, { states }] of [one, two].entries()) {
        const since = states.slice(before[index]);
        expect([since[0]?.at, since.at(-1)?.at]).toEqual(['down', 'up']);
      }
    },
    { timeout: 10_000, interval: 50 },
  );
  await expectMessages(one, two, 'after');
  await expectMessages(two, one, 'after-too');
  const taken = await two.driver.lease.take(await two.driver.lease.read());
  expect(taken).toMatchObject({ holder: 'node-2' });
});
