/** The Redis home while Redis is absent, killed or frozen: nothing throws, everything settles, it comes back. */
import { describe, expect, it } from 'vitest';
import {
  cleanUpAfterEach,
  everyCall,
  expectMessages,
  expectUnavailable,
  openNode,
  openPair,
  publishAll,
  redisServer,
  untilAt,
} from './redis-node.ts';

cleanUpAfterEach();

describe('redis is not there yet', () => {
  it('says down, refuses every call, and is up within 1.5 s of its start, with subscriptions in place', async () => {
    const server = await redisServer();
    await server.kill('SIGKILL');
    const [node, other] = [openNode(server.url), openNode(server.url, 'node-2')];
    expect(node.backplane.state()).toMatchObject({ at: 'down' });
    await expectUnavailable(everyCall(node.backplane));
    await publishAll(node);
    await server.restart();
    await Promise.all([untilAt(node, 'up', 1_500), untilAt(other, 'up', 1_500)]);
    await expectMessages(node, other, 'after-start');
    await expectMessages(other, node, 'after-start-too');
  });

  it('closes at once, and twice', async () => {
    const server = await redisServer();
    await server.kill('SIGKILL');
    const { backplane, driver } = openNode(server.url);
    const before = performance.now();
    await driver.close();
    await backplane.close();
    expect(performance.now() - before).toBeLessThan(500);
    await expectUnavailable(everyCall(backplane));
  });
});

describe('redis is killed and started again', () => {
  it('is down within half a second, up within 1.5 s of its return, and begins a new generation', async () => {
    const { server, node, other, untilBothUp } = await openPair();
    await expectMessages(node, other, 'before');
    const first = await node.driver.tickLog.claim(1);

    await server.kill('SIGKILL');
    await untilAt(node, 'down', 500);
    await untilAt(other, 'down', 500);
    await expectUnavailable(everyCall(node.backplane));
    await publishAll(node);

    await server.restart();
    await untilBothUp(1_500);
    await expectMessages(node, other, 'after');
    expect(await node.driver.call('node-2', 'still there?')).toMatchObject({ ok: true });
    expect(await node.backplane.lease.read()).toEqual({ holder: null, epoch: 0, beat: 0 });
    const second = await node.driver.tickLog.claim(1);
    expect(second).toMatchObject({ ok: true, number: 0 });
    expect(second).not.toMatchObject({ gen: first.ok ? first.gen : '' });
    expect(node.states.map(({ at }) => at)).toEqual(expect.arrayContaining(['up', 'down']));
    expect(node.states.at(-1)).toEqual({ at: 'up' });
  });
});

describe('redis hangs without closing', () => {
  it('closes within a second while Redis is frozen', async () => {
    const server = await redisServer();
    const node = openNode(server.url);
    await untilAt(node, 'up', 5_000);
    await server.kill('SIGSTOP');
    await publishAll(node);
    const before = performance.now();
    await node.driver.close();
    expect(performance.now() - before).toBeLessThan(1_000);
  });
});
