/**
 * The backplane of a cluster: everything that replicas share lives in one Redis. Three links: room emits and
 * announcements go out on one, in order; what others publish comes in on the second; lease and store have the third,
 * where a burst of ticks cannot hold them up.
 */
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { Clock } from '../../support/clock.ts';
import type { Log } from '../../support/log.ts';
import type { Announcement, Backplane, BackplaneState } from '../contract.ts';
import { makeGeneration } from '../generation.ts';
import { storeDefaults, type StoreSettings } from '../store-settings.ts';
import { createAdapterFactory } from './adapter.ts';
import { createRedisCallCounts } from './call-counts.ts';
import { createCommands } from './commands.ts';
import { assertSafeServer } from './safe-server.ts';
import { createEcho } from './echo.ts';
import { createKeys } from './keys.ts';
import { createRedisLeaderLine } from './leader-line.ts';
import { createRedisLeaderNotes } from './leader-notes.ts';
import { createRedisLease } from './lease.ts';
import { createLink, type Link } from './link.ts';
import { createOutageLog } from './outage-log.ts';
import { createPublisher, preparePublishing } from './publisher.ts';
import { createSubscriptions } from './subscriptions.ts';
import { createRedisTickStore } from './tick-store.ts';
import { createRedisUserSeats } from './user-seats.ts';

/** What this home is made of. */
export interface RedisBackplaneOptions extends Partial<StoreSettings> {
  /** `redis://` or `rediss://`, with user, password and database where there are any. */
  url: string;
  /** What every key and channel begins with; clusters with different ones do not meet. */
  prefix: string;
  /** This replica's id. */
  node: string;
  log: Log;
  clock: Clock;
}

/** Publishes that may be under way at once: one of each of 5,000 symbols, which is half a second of a busy feed, and others beside. */
const maxPublishesQueued = 6_000;
const maxCommandsQueued = 1_000;

const announcementSchema: z.ZodType<Omit<Announcement, 'feed' | 'changes'>> = z.object({
  node: z.string(),
  epoch: z.number(),
  gens: z.array(z.string()),
  heads: z.array(z.tuple([z.string(), z.string(), z.number()])),
});
type Listed = Pick<Announcement, 'feed' | 'changes'>;
const listedSchema: z.ZodType<Listed> = z.object({
  feed: z.object({
    state: z.enum(['live', 'stale']),
    since: z.number(),
    reason: z.string(),
    sources: z.array(
      z.object({ name: z.string(), state: z.enum(['live', 'stale']), symbols: z.array(z.string()) }),
    ),
  }),
  changes: z.object({ version: z.number(), feeds: z.array(z.tuple([z.string(), z.string().nullable()])) }),
});

/** Two lines of JSON: the second, with all the symbols, is the same for hours and is read once. */
function announcementText({ feed, changes, ...rest }: Announcement): string {
  return `${JSON.stringify(rest)}\n${JSON.stringify({ feed, changes })}`;
}

/** Gives the function that reads announcements; those with one second line share what it says. */
function createAnnouncementReader(): (text: Buffer) => Announcement {
  let last: { text: Buffer; listed: Listed } | null = null;
  return (text) => {
    const end = text.indexOf('\n');
    const listedText = text.subarray(end + 1);
    // A copy, as the buffer that it lies in is larger.
    if (last?.text.equals(listedText) !== true)
      last = {
        text: Buffer.from(listedText),
        listed: listedSchema.parse(JSON.parse(listedText.toString())),
      };
    return {
      ...announcementSchema.parse(JSON.parse(text.toString('utf8', 0, Math.max(end, 0)))),
      ...last.listed,
    };
  };
}

/** Returns at once and connects in the background; `state()` says down until every link is up. */
export function createRedisBackplane(options: RedisBackplaneOptions): Backplane {
  const { url, prefix, node, log, clock } = options;
  const { shards = storeDefaults.shards, historyTicks = storeDefaults.historyTicks } = options;
  const keys = createKeys(prefix);
  const stateListeners: ((state: BackplaneState) => void)[] = [];
  const announcementListeners: ((announcement: Announcement) => void)[] = [];
  const roundTripListeners: ((ms: number) => void)[] = [];
  let state: BackplaneState = { at: 'down', since: clock.now(), reason: 'no connection to Redis yet' };
  let closing: Promise<void> | null = null;
  /** The highest epoch that refused a claim of ours. */
  let epochFloor = 0;

  const outages = createOutageLog({ url, log, takeLost: () => publisher.takeLost() });
  const common = {
    url,
    clock,
    log,
    onState: () => update(),
    onRoundTrip: (ms: number) => {
      for (const listener of roundTripListeners) listener(ms);
    },
    onRefused: outages.refused,
  };
  const subscriptions = createSubscriptions({
    client: () => (subscriberLink.isConnected() ? subscriberLink.client : null),
    log,
  });
  const commandLink = createLink({
    ...common,
    name: 'commands',
    failFast: true,
    maxQueued: maxCommandsQueued,
    prepare: assertSafeServer,
  });
  const publisherLink = createLink({
    ...common,
    name: 'publisher',
    failFast: true,
    maxQueued: maxPublishesQueued,
    prepare: preparePublishing,
  });
  const subscriberLink = createLink({
    ...common,
    name: 'subscriber',
    failFast: false,
    prepare: (client) => subscriptions.place(client),
  });
  const links: readonly Link[] = [commandLink, publisherLink, subscriberLink];

  const commands = createCommands({ link: commandLink, clock });
  const publisher = createPublisher({ link: publisherLink, maxUnderway: maxPublishesQueued });
  /** This node's name that no process before it has had. */
  const life = `${node}:${randomUUID()}`;
  const leaderLine = createRedisLeaderLine({
    caller: life,
    keys,
    commands,
    subscriptions,
    log,
  });

  const echo = createEcho({ channel: keys.echoChannel(life), publisher, subscriptions, clock });

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

  const readAnnouncement = createAnnouncementReader();
  subscriptions.add('channel', keys.announceChannel, (text) => {
    const announcement = readAnnouncement(text);
    for (const listener of announcementListeners) listener(announcement);
  });

  async function end(): Promise<void> {
    leaderLine.close();
    publisher.flush();
    await Promise.all(links.map((link) => link.close()));
    state = { at: 'down', since: clock.now(), reason: 'closed' };
  }

  return {
    kind: 'redis',
    lease: createRedisLease({ node, keys, commands, subscriptions, epochFloor: () => epochFloor }),
    leaderNotes: createRedisLeaderNotes({ keys, commands }),
    tickStore: createRedisTickStore({
      keys,
      commands,
      makeGeneration,
      shards,
      historyTicks,
      onRefusedClaim: (claimed) => void (epochFloor = Math.max(epochFloor, claimed)),
    }),
    leaderLine,
    userSeats: createRedisUserSeats({ node: life, keys: keys.seats, commands, makeGeneration }),
    callCounts: createRedisCallCounts({ keys, commands }),
    adapter: (wrap) => createAdapterFactory(wrap, { key: keys.adapter, publisher, subscriptions, commands }),
    announce: (announcement) => publisher.publish(keys.announceChannel, announcementText(announcement)),
    onAnnouncement: (listener) => void announcementListeners.push(listener),
    state: () => state,
    onState: (listener) => void stateListeners.push(listener),
    echo,
    rebuild() {
      publisherLink.rebuild();
      subscriberLink.rebuild();
    },
    onRoundTrip: (listener) => void roundTripListeners.push(listener),
    lostPublishes: () => publisher.lost(),
    collect: async () => [],
    close: () => (closing ??= end()),
  };
}
