/** The Redis home while Redis is absent, killed, frozen or set up wrongly: nothing throws, everything settles, it comes back. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { connect } from 'node:net';
import { once } from 'node:events';
import { type RedisServer, startRedis } from '../../../scripts/lib/redis-server.mjs';
import type { Backplane, BackplaneState } from '../../src/backplane/contract.ts';
import { BackplaneUnavailable } from '../../src/backplane/contract.ts';
import { createRedisBackplane } from '../../src/backplane/redis/redis-backplane.ts';
import { systemClock } from '../../src/support/clock.ts';
import { createLog } from '../../src/support/log.ts';
import { type BackplaneDriver, driveBackplane } from './backplane-driver.ts';

interface Node {
  backplane: Backplane;
  driver: BackplaneDriver;
  /** Every change of state since the start. */
  states: BackplaneState[];
}

const nodes: Node[] = [];
const servers: RedisServer[] = [];
const unhandled: unknown[] = [];
const onUnhandled = (error: unknown): void => void unhandled.push(error);

beforeEach(() => {
  process.on('unhandledRejection', onUnhandled);
});

afterEach(async () => {
  await Promise.all(nodes.splice(0).map(({ driver }) => driver.close()));
  await Promise.all(servers.splice(0).map((server) => server.stop()));
  process.off('unhandledRejection', onUnhandled);
  if (unhandled.length > 0) throw new AggregateError(unhandled.splice(0), 'a rejection was not handled');
});

async function redisServer(args: string[] = []): Promise<RedisServer> {
  const server = await startRedis({ args });
  servers.push(server);
  return server;
}

function openNode(url: string, node = 'node-1', prefix = 'faults'): Node {
  const log = createLog({ level: 'silent', node });
  const backplane = createRedisBackplane({ url, prefix, node, log, clock: systemClock });
  const states: BackplaneState[] = [];
  backplane.onState((state) => void states.push(state));
  const opened = { backplane, driver: driveBackplane(backplane, node), states };
  nodes.push(opened);
  return opened;
}

async function untilAt({ backplane }: Node, at: BackplaneState['at'], timeout: number): Promise<void> {
  await vi.waitFor(() => expect(backplane.state().at).toBe(at), { timeout, interval: 5 });
}

/** One call of each kind that asks Redis. */
function everyCall({ lease, tickStore, leaderLine }: Backplane): Promise<unknown>[] {
  return [
    lease.read(),
    lease.take({ holder: null, epoch: 0, beat: 0 }),
    lease.beat(1),
    lease.release(1),
    tickStore.claim(1),
    tickStore.append({ gen: 'AAAAAA', epoch: 1, drafts: [] }),
    tickStore.quotes(['A']),
    leaderLine.call(1, 'anyone?'),
  ];
}

async function expectUnavailable(calls: Promise<unknown>[]): Promise<void> {
  for (const outcome of await Promise.allSettled(calls)) {
    expect(outcome).toMatchObject({ status: 'rejected', reason: expect.any(BackplaneUnavailable) });
  }
}

/** Publishing that must neither throw nor reject, whatever the link does. */
async function publishAll({ driver }: Node): Promise<void> {
  await driver.emitThenAnnounce('room', 'lost', announcement('lost'));
}

/** Both ways through pub/sub: a room emit and an announcement from `from` reach `to`. */
async function expectMessages(from: Node, to: Node, marker: string): Promise<void> {
  await to.driver.joinRoom(marker);
  await from.driver.emitThenAnnounce(marker, marker, announcement(marker));
  await vi.waitFor(
    async () => {
      const received = await to.driver.received();
      expect(received).toContainEqual({ kind: 'emit', room: marker, payload: marker });
      expect(received).toContainEqual({ kind: 'announcement', announcement: announcement(marker) });
    },
    { timeout: 2_000, interval: 10 },
  );
}

function announcement(gen: string) {
  return {
    node: 'node-1',
    epoch: 1,
    gen,
    feed: { state: 'live' as const, since: 1, reason: '', sources: [] },
  };
}

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
    const server = await redisServer();
    const [node, other] = [openNode(server.url), openNode(server.url, 'node-2')];
    await Promise.all([untilAt(node, 'up', 5_000), untilAt(other, 'up', 5_000)]);
    await expectMessages(node, other, 'before');
    const first = await node.backplane.tickStore.claim(1);
    const stopServing = other.backplane.leaderLine.serve(1, async () => 'here');

    await server.kill('SIGKILL');
    await untilAt(node, 'down', 500);
    await untilAt(other, 'down', 500);
    await expectUnavailable(everyCall(node.backplane));
    await publishAll(node);

    await server.restart();
    await Promise.all([untilAt(node, 'up', 1_500), untilAt(other, 'up', 1_500)]);
    await expectMessages(node, other, 'after');
    expect(await node.backplane.leaderLine.call(1, 'still there?')).toBe('here');
    stopServing();
    expect(await node.backplane.lease.read()).toEqual({ holder: null, epoch: 0, beat: 0 });
    const second = await node.backplane.tickStore.claim(1);
    expect(second).toMatchObject({ ok: true, quotes: [] });
    expect(second).not.toMatchObject({ gen: first.ok ? first.gen : '' });
    expect(node.states.map(({ at }) => at)).toEqual(expect.arrayContaining(['up', 'down']));
    expect(node.states.at(-1)).toEqual({ at: 'up' });
  });

  it('survives five restarts in a row with subscriptions made and ended meanwhile', async () => {
    const server = await redisServer();
    const [node, other] = [openNode(server.url), openNode(server.url, 'node-2')];
    for (let epoch = 1; epoch <= 5; epoch++) {
      await Promise.all([untilAt(node, 'up', 5_000), untilAt(other, 'up', 5_000)]);
      const killed = server.kill('SIGKILL');
      const stopServing = other.backplane.leaderLine.serve(epoch, async () => epoch);
      await killed;
      await untilAt(other, 'down', 500);
      const stopLater = other.backplane.leaderLine.serve(epoch + 100, async () => epoch);
      await server.restart();
      await Promise.all([untilAt(node, 'up', 1_500), untilAt(other, 'up', 1_500)]);
      expect(await node.backplane.leaderLine.call(epoch, null)).toBe(epoch);
      expect(await node.backplane.leaderLine.call(epoch + 100, null)).toBe(epoch);
      stopServing();
      stopLater();
      await vi.waitFor(
        () => expect(node.backplane.leaderLine.call(epoch, null)).rejects.toMatchObject({ name: 'NoLeader' }),
        { timeout: 1_000, interval: 10 },
      );
    }
    await expectMessages(node, other, 'at-the-end');
  });
});

describe('redis hangs without closing', () => {
  it('settles every call, says down within 3.5 s while publishing goes on, and is up again within 1.5 s', async () => {
    const server = await redisServer();
    const [node, other] = [openNode(server.url), openNode(server.url, 'node-2')];
    await Promise.all([untilAt(node, 'up', 5_000), untilAt(other, 'up', 5_000)]);
    // A link that writes all the time must not take its own writes for a sign of life.
    const stopPublishing = systemClock.every(5, () => void publishAll(node));
    try {
      await server.kill('SIGSTOP');
      const settled = expectUnavailable(everyCall(node.backplane));
      await Promise.all([untilAt(node, 'down', 3_500), untilAt(other, 'down', 3_500)]);
      await settled;
      await expectUnavailable(everyCall(node.backplane));
      expect(node.backplane.state()).toMatchObject({ at: 'down', reason: 'Redis does not answer' });
      await server.kill('SIGCONT');
      await Promise.all([untilAt(node, 'up', 1_500), untilAt(other, 'up', 1_500)]);
    } finally {
      stopPublishing();
    }
    await expectMessages(node, other, 'after-hang');
  });

  it('is up within 1.5 s of its return also when it hung for so long that the sockets were given up', async () => {
    const server = await redisServer();
    const [node, other] = [openNode(server.url), openNode(server.url, 'node-2')];
    await Promise.all([untilAt(node, 'up', 5_000), untilAt(other, 'up', 5_000)]);
    await server.kill('SIGSTOP');
    await vi.waitFor(
      () => expect(node.backplane.state()).toMatchObject({ reason: 'no connection to Redis' }),
      { timeout: 8_000, interval: 20 },
    );
    await server.kill('SIGCONT');
    await Promise.all([untilAt(node, 'up', 1_500), untilAt(other, 'up', 1_500)]);
    await expectMessages(other, node, 'after-long-hang');
  });

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

describe('redis is set up wrongly', () => {
  it('stays down with the reason while Redis would evict keys, and comes up when that is mended', async () => {
    const server = await redisServer(['--maxmemory', '10mb', '--maxmemory-policy', 'allkeys-lru']);
    const node = openNode(server.url);
    await vi.waitFor(
      () =>
        expect(node.backplane.state()).toMatchObject({
          at: 'down',
          reason: 'Redis has maxmemory-policy allkeys-lru: it must be noeviction',
        }),
      { timeout: 2_000, interval: 10 },
    );
    await expectUnavailable(everyCall(node.backplane));
    await command(server, 'CONFIG SET maxmemory-policy noeviction');
    await untilAt(node, 'up', 2_500);
  });

  it('turns a write that finds no memory into BackplaneUnavailable, and nothing is stored of it', async () => {
    const server = await redisServer();
    const node = openNode(server.url);
    await untilAt(node, 'up', 5_000);
    const claim = await node.backplane.tickStore.claim(1);
    const gen = claim.ok ? claim.gen : '';
    await command(server, 'CONFIG SET maxmemory 1');
    const drafts = [
      { tick: { symbol: 'A', price: '1', ts: 1 }, day: { open: '1', high: '1', low: '1', volume: '0' } },
    ];
    await expectUnavailable([node.backplane.tickStore.append({ gen, epoch: 1, drafts })]);
    await command(server, 'CONFIG SET maxmemory 0');
    expect(await node.backplane.tickStore.append({ gen, epoch: 1, drafts })).toMatchObject({ seqs: [1] });
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
    expect(await right.backplane.tickStore.claim(1)).toMatchObject({ ok: true });
    expect(await right.backplane.lease.take(await right.backplane.lease.read())).toMatchObject({ epoch: 2 });
    await right.backplane.lease.release(2);
    right.backplane.leaderLine.serve(2, async () => 'here');
    expect(await right.backplane.leaderLine.call(2, null)).toBe('here');
    expect(wrong.backplane.state().at).toBe('down');
    await expectUnavailable(everyCall(wrong.backplane));
  });
});

/** One command over a connection of its own; rejects with Redis's error. */
async function command({ port }: RedisServer, line: string): Promise<void> {
  const socket = connect(port, '127.0.0.1');
  try {
    socket.write(`${line}\r\n`);
    const [reply]: unknown[] = await once(socket, 'data');
    expect(String(reply)).toBe('+OK\r\n');
  } finally {
    socket.destroy();
  }
}
