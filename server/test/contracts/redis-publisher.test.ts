/** What is published, over a true Redis: all of it arrives, once and in order, and a flood of it leaves room for commands. */
import { createClient } from 'redis';
import { afterEach, expect, it, vi } from 'vitest';
import { createCommands } from '../../src/backplane/redis/commands.ts';
import { createLink } from '../../src/backplane/redis/link.ts';
import {
  createPublisher,
  maxPublishedBytes,
  maxPublishesQueued,
} from '../../src/backplane/redis/publisher.ts';
import { systemClock } from '../../src/support/clock.ts';
import { createLog } from '../../src/support/log.ts';
import { cleanUpAfterEach, command, redisServer } from './redis-node.ts';

cleanUpAfterEach();
let close: () => Promise<void>;
// Before the server of the test ends: hooks run in reverse.
afterEach(() => close());

async function setUp() {
  const server = await redisServer();
  const link = createLink({
    url: server.url,
    name: 'commands',
    clock: systemClock,
    log: createLog({ level: 'silent', node: 'node-1' }),
    maxQueued: maxPublishesQueued + 100,
    onState: () => {},
    onRefused: () => {},
  });
  const subscriber = createClient({ url: server.url });
  close = async () => {
    await link.close();
    subscriber.destroy();
  };
  const heard: string[] = [];
  await subscriber.connect();
  await subscriber.pSubscribe('*', (message, channel) => void heard.push(`${channel}=${message}`));
  await vi.waitFor(() => expect(link.state().at).toBe('up'), { timeout: 10_000, interval: 5 });
  return { server, link, heard, publisher: createPublisher(link) };
}

const numbered = (count: number): string[] =>
  Array.from({ length: count }, (_, index) => `c${index % 7}=${index}`);

/** Publishes them in one turn, every other one as bytes. */
function publishAll({ publisher }: Awaited<ReturnType<typeof setUp>>, wanted: readonly string[]): void {
  for (const [index, one] of wanted.entries()) {
    const [channel = '', message = ''] = one.split('=');
    publisher.publish(channel, index % 2 === 0 ? message : Buffer.from(message));
  }
}

/** What was heard, as soon as it is that many messages. */
async function heardAfter({ heard }: Awaited<ReturnType<typeof setUp>>, count: number): Promise<string[]> {
  await vi.waitFor(() => expect(heard.length).toBeGreaterThanOrEqual(count), {
    timeout: 10_000,
    interval: 5,
  });
  return heard;
}

it.each([1, 2, 1_000])('brings %i messages of one turn, once and in order', async (count) => {
  const all = await setUp();
  publishAll(all, numbered(count));
  expect(await heardAfter(all, count)).toEqual(numbered(count));
  expect(all.publisher.lost()).toBe(0);
});

it('brings them with no memory left, where writes are refused', async () => {
  const all = await setUp();
  await command(all.server, 'CONFIG SET maxmemory 1');
  publishAll(all, numbered(300));
  expect(await heardAfter(all, 300)).toEqual(numbered(300));
});

it('loses and counts what is more than may be under way, and takes more as soon as Redis has answered', async () => {
  const all = await setUp();
  publishAll(all, numbered(maxPublishesQueued + 120));
  await vi.waitFor(() => expect(all.publisher.lost()).toBe(120));
  expect(await heardAfter(all, maxPublishesQueued)).toEqual(numbered(maxPublishesQueued));
  await vi.waitFor(() => all.publisher.send('later', 'x'), { timeout: 10_000, interval: 5 });
  await vi.waitFor(() => expect(all.heard).toContain('later=x'), { timeout: 10_000, interval: 5 });
  all.heard.length = 0;
  publishAll(all, numbered(500));
  expect(await heardAfter(all, 500)).toEqual(numbered(500));
  expect(all.publisher.lost()).toBe(120);
});

it('loses what is more than its bytes allow', async () => {
  const all = await setUp();
  const half = 'x'.repeat(maxPublishedBytes / 2);
  for (const _ of [1, 2, 3]) all.publisher.publish('c', half);
  await vi.waitFor(() => expect(all.publisher.lost()).toBe(1));
  expect(await heardAfter(all, 2)).toHaveLength(2);
});

it('says how many receive a message, and refuses those that are too many', async () => {
  const all = await setUp();
  expect(await all.publisher.send('one', 'x')).toBe(1);
  publishAll(all, numbered(maxPublishesQueued));
  await expect(all.publisher.send('one', 'y')).rejects.toThrow('too many messages are under way');
});

it('leaves room for commands, however much is published', async () => {
  const all = await setUp();
  const commands = createCommands({ link: all.link, clock: systemClock, onNotPrimary: () => {} });
  publishAll(all, numbered(10 * maxPublishesQueued));
  expect(await Promise.all(Array.from({ length: 50 }, () => commands.run(['PING'])))).toEqual(
    Array.from({ length: 50 }, () => 'PONG'),
  );
});
