/** What the tests of the Redis home share: servers and nodes that end with each test, and what all of them look for. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, beforeEach, expect, vi } from 'vitest';
import { type RedisServer, startRedis } from '../support/processes/start-redis.ts';
import { type Backplane, type BackplaneState, BackplaneUnavailable } from '../../src/backplane/contract.ts';
import { createRedisBackplane } from '../../src/backplane/redis/redis-backplane.ts';
import { systemClock } from '../../src/support/clock.ts';
import { createLog } from '../../src/support/log.ts';
import { type BackplaneDriver, driveBackplane } from './backplane-driver.ts';

/** One replica's backplane, driven in this process. */
export interface Node {
  backplane: Backplane;
  driver: BackplaneDriver;
  /** Every change of state since the start. */
  states: BackplaneState[];
}

const nodes: Node[] = [];
const servers: RedisServer[] = [];
const unhandled: unknown[] = [];
const onUnhandled = (error: unknown): void => void unhandled.push(error);

/** Closes what each test opened, and fails it where a rejection went unhandled. */
export function cleanUpAfterEach(): void {
  beforeEach(() => {
    process.on('unhandledRejection', onUnhandled);
  });

  afterEach(async () => {
    await Promise.all(nodes.splice(0).map(({ driver }) => driver.close()));
    await Promise.all(servers.splice(0).map((server) => server.stop()));
    process.off('unhandledRejection', onUnhandled);
    if (unhandled.length > 0) throw new AggregateError(unhandled.splice(0), 'a rejection was not handled');
  });
}

/** Starts a redis-server for this test. */
export async function redisServer(args: string[] = []): Promise<RedisServer> {
  const server = await startRedis({ args });
  servers.push(server);
  return server;
}

/** One command over a connection of its own, which must get that reply. */
export async function command({ port }: RedisServer, line: string, expected = '+OK'): Promise<void> {
  const socket = connect(port, '127.0.0.1');
  try {
    socket.write(`${line}\r\n`);
    const [reply]: unknown[] = await once(socket, 'data');
    expect(String(reply)).toBe(`${expected}\r\n`);
  } finally {
    socket.destroy();
  }
}

/** Opens a node for this test; nodes with the same prefix share a home. */
export function openNode(url: string, node = 'node-1', prefix = 'faults'): Node {
  const log = createLog({ level: 'silent', node });
  const backplane = createRedisBackplane({ url, prefix, node, log, clock: systemClock });
  const states: BackplaneState[] = [];
  backplane.onState((state) => void states.push(state));
  const opened = { backplane, driver: driveBackplane(backplane, node), states };
  nodes.push(opened);
  return opened;
}

/** A server and two nodes of one home, both up. */
export async function openPair() {
  const server = await redisServer();
  const [node, other] = [openNode(server.url), openNode(server.url, 'node-2')];
  const untilBothUp = async (timeout: number): Promise<void> =>
    void (await Promise.all([untilAt(node, 'up', timeout), untilAt(other, 'up', timeout)]));
  await untilBothUp(5_000);
  return { server, node, other, untilBothUp };
}

/** Waits until the backplane is up, or down; fails after `timeout` milliseconds. */
export async function untilAt({ backplane }: Node, at: BackplaneState['at'], timeout: number): Promise<void> {
  await vi.waitFor(() => expect(backplane.state().at).toBe(at), { timeout, interval: 5 });
}

/** One call of each kind that asks Redis. */
export function everyCall({
  lease,
  callCounts,
  tickLog,
  messages,
  userSeats,
}: Backplane): Promise<unknown>[] {
  return [
    lease.read(),
    lease.take({ holder: null, epoch: 0, beat: 0 }),
    lease.beat(1),
    lease.release(1),
    callCounts.take('caller', { maxCalls: 1, spanS: 60 }),
    tickLog.claim(1, { gen: null, number: 0 }),
    tickLog.append({
      gen: 'AAAAAA',
      epoch: 1,
      number: 1,
      bytes: Buffer.alloc(0),
      quotes: [],
      pushes: [],
      oldest: 1,
    }),
    tickLog.readState(),
    tickLog.readAfter('AAAAAA', 0),
    messages.sendTo('node-1', 'greeting', null),
    userSeats.enter(),
    userSeats.beat('AAAAAA', []),
    userSeats.take('AAAAAA', [{ user: 'u', cid: 'c', id: '1' }], 1),
    userSeats.leave('AAAAAA', [{ user: 'u', cid: 'c', id: '1' }]),
    userSeats.forget('AAAAAA', 'node', 1),
    userSeats.exit('AAAAAA'),
  ];
}

/** Waits for all of them; each must reject with `BackplaneUnavailable`. */
export async function expectUnavailable(calls: Promise<unknown>[]): Promise<void> {
  for (const outcome of await Promise.allSettled(calls)) {
    expect(outcome).toMatchObject({ status: 'rejected', reason: expect.any(BackplaneUnavailable) });
  }
}

/** Publishing that must neither throw nor reject, whatever the link does. */
export async function publishAll({ driver }: Node): Promise<void> {
  await driver.emitThenAnnounce('room', 'lost', announcement('lost'));
}

/** Both ways through pub/sub: a room emit and an announcement from `from` reach `to`. */
export async function expectMessages(from: Node, to: Node, marker: string): Promise<void> {
  await to.driver.joinRoom(marker);
  await from.driver.emitThenAnnounce(marker, marker, announcement(marker));
  await vi.waitFor(
    async () => {
      const received = await to.driver.received();
      expect(received).toContainEqual({ kind: 'emit', room: marker, payload: marker });
      expect(received).toContainEqual({ kind: 'announcement', announcement: announcement(marker) });
    },
    { timeout: 10_000, interval: 10 },
  );
}

function announcement(gen: string) {
  return {
    node: 'node-1',
    epoch: 1,
    gen,
    number: 1,
    feed: { state: 'live' as const, since: 1, reason: '', sources: [] },
  };
}
