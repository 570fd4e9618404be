/**
 * The backplane of a cluster: everything that replicas share is in one Redis. Three connections: one for commands and for all that is
 * published, one for what others publish, and one for the lease, so that nothing else can delay a beat.
 */
import { randomUUID } from 'node:crypto';
import type { Clock } from '../../support/clock.ts';
import type { Log } from '../../support/log.ts';
import type { Backplane, BackplaneState } from '../contract.ts';
import { createMessages } from '../messages.ts';
import { createAdapterFactory } from './adapter.ts';
import { createRedisCallCounts } from './call-counts.ts';
import { createCommands } from './commands.ts';
import { assertPrimary, assertSafeServer, NotPrimary } from './safe-server.ts';
import { createKeys } from './keys.ts';
import { createRedisLease } from './lease.ts';
import { createLink, type Link } from './link.ts';
import { createOutageLog } from './outage-log.ts';
import { createPublisher, maxPublishesQueued } from './publisher.ts';
import { createSubscriptions } from './subscriptions.ts';
import { createRedisLog } from './redis-log.ts';
import { createBatchMessages } from './batch-messages.ts';
import { createRedisUserSeats } from './user-seats.ts';
import { createVersionCheck } from './version-check.ts';

/** What this home is made of. */
export interface RedisBackplaneOptions {
  /** `redis://` or `rediss://`, with user, password and database where there are any. */
  url: string;
  /** What every key and channel begins with; clusters with different ones do not meet. */
  prefix: string;
  /** This replica's id. */
  node: string;
  log: Log;
  clock: Clock;
}

const maxCommandsQueued = 1_000;
const maxLeaseCommandsQueued = 100;
/** Between two checks of whether the server is the primary. Followers write nothing, and would not notice otherwise. */
const roleCheckMs = 1_000;
const reconnectEveryMs = 1_000;

/** Returns at once and connects in the background; `state()` says down until every link is up. */
export function createRedisBackplane(options: RedisBackplaneOptions): Backplane {
  const { url, prefix, node, log, clock } = options;
  const keys = createKeys(prefix);
  const stateListeners: ((state: BackplaneState) => void)[] = [];
  const roundTripListeners: ((ms: number) => void)[] = [];
  let state: BackplaneState = { at: 'down', since: clock.now(), reason: 'no connection to Redis yet' };
  let closing: Promise<void> | null = null;
  /** The highest epoch that refused a claim of ours. */
  let epochFloor = 0;

  const outages = createOutageLog({ url, log, lostPublishes: () => publisher.lost() });
  const common = {
    url,
    clock,
    log,
    onState: () => update(),
    onRoundTrip: (ms: number) => {
      for (const listener of roundTripListeners) listener(ms);
    },
    onRefused: (error: unknown) => outages.refused(error),
  };
  const subscriptions = createSubscriptions({
    client: () => (subscriberLink.isConnected() ? subscriberLink.client : null),
    log,
  });
  const commandLink = createLink({
    ...common,
    name: 'commands',
    // However much is published, there is room for commands.
    maxQueued: maxCommandsQueued + maxPublishesQueued,
    prepare: assertSafeServer,
  });
  const assertNoEarlierVersion = createVersionCheck({ prefix, clock });
  const leaseLink = createLink({
    ...common,
    name: 'lease',
    maxQueued: maxLeaseCommandsQueued,
    prepare: async (client) => {
      await assertSafeServer(client);
      await assertNoEarlierVersion(client);
    },
  });
  const subscriberLink = createLink({
    ...common,
    name: 'subscriber',
    prepare: (client) => subscriptions.place(client),
  });
  const links: readonly Link[] = [commandLink, leaseLink, subscriberLink];

  let reconnectedAt = -Infinity;
  /** A demoted primary keeps its connections open and answers pings: only new connections lead to the new one. */
  function reconnectAll(): void {
    const now = clock.monotonic();
    if (now - reconnectedAt < reconnectEveryMs || closing !== null) return;
    reconnectedAt = now;
    log.warn('Redis is not the primary any more. All connections are made again.');
    for (const link of links) link.rebuild();
  }

  const stopRoleChecks = clock.every(roleCheckMs, () => {
    if (commandLink.state().at !== 'up') return;
    assertPrimary(commandLink.client).catch((error: unknown) => {
      if (error instanceof NotPrimary) reconnectAll();
    });
  });

  const commands = createCommands({ link: commandLink, clock, onNotPrimary: reconnectAll });
  const leaseCommands = createCommands({ link: leaseLink, clock, onNotPrimary: reconnectAll });
  const publisher = createPublisher(commandLink);
  /** This node's name that no process before it has had. */
  const life = `${node}:${randomUUID()}`;
  const messages = createMessages({
    self: life,
    log,
    sendAll: (message) => publisher.publish(keys.allChannel, JSON.stringify(message)),
    sendTo: async (to, message) =>
      Number(await commands.run(['PUBLISH', keys.nodeChannel(to), JSON.stringify(message)])) > 0,
  });
  for (const channel of [keys.allChannel, keys.nodeChannel(node)])
    subscriptions.add('channel', channel, (text) => messages.receive(JSON.parse(text.toString())));

  function update(): void {
    const next = combine();
    const same =
      next.at === state.at && (next.at === 'up' || (state.at === 'down' && next.reason === state.reason));
    if (same || closing !== null) return;
    state = next;
    outages.changed(next);
    for (const listener of stateListeners) listener(next);
  }

  function combine(): BackplaneState {
    for (const link of links) {
      const linkState = link.state();
      if (linkState.at === 'up') continue;
      const since = state.at === 'down' ? state.since : clock.now();
      return { at: 'down', since, reason: linkState.at === 'down' ? linkState.reason : 'closed' };
    }
    return { at: 'up' };
  }

  async function end(): Promise<void> {
    stopRoleChecks();
    await Promise.all(links.map((link) => link.close()));
    state = { at: 'down', since: clock.now(), reason: 'closed' };
  }

  const batchListeners: ((bytes: Buffer) => void)[] = [];
  const batches = createBatchMessages(keys.batchChannel);
  const batchChannel = Buffer.from(keys.batchChannel);
  // The adapter's own pattern, so that Redis sends each batch once. Nobody is in that room, so the adapter drops it.
  subscriptions.add('pattern', keys.roomPattern, (message, channel) => {
    if (!channel.equals(batchChannel)) return;
    const bytes = batches.decode(message);
    // Another program may emit to that room too.
    if (bytes !== null) for (const listener of batchListeners) listener(bytes);
  });

  return {
    kind: 'redis',
    tickLog: createRedisLog({
      keys: keys.log,
      commands,
      messages: batches,
      owner: life,
      onBatch: (listener) => void batchListeners.push(listener),
      onRefusedClaim: (claimed) => void (epochFloor = Math.max(epochFloor, claimed)),
    }),
    lease: createRedisLease({
      node,
      keys,
      commands: leaseCommands,
      messages,
      life,
      epochFloor: () => epochFloor,
    }),
    messages,
    userSeats: createRedisUserSeats({ node: life, keys: keys.seats, commands }),
    callCounts: createRedisCallCounts(keys.calls, commands),
    adapter: (wrap) => createAdapterFactory(wrap, { key: keys.adapter, publisher, subscriptions, commands }),
    state: () => state,
    onState: (listener) => void stateListeners.push(listener),
    rebuild: () => subscriberLink.rebuild(),
    onRoundTrip: (listener) => void roundTripListeners.push(listener),
    lostPublishes: () => publisher.lost(),
    collect: async () => [],
    close: () => (closing ??= end()),
  };
}
