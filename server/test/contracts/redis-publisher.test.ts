/** What one turn publishes, over a true Redis: all of it arrives, once and in order, whatever Redis remembers of scripts. */
import { execFileSync } from 'node:child_process';
import process from 'node:process';
import { createClient } from 'redis';
import { afterEach, expect, it, vi } from 'vitest';
import { createLink } from '../../src/backplane/redis/link.ts';
import { createPublisher, preparePublishing } from '../../src/backplane/redis/publisher.ts';
import { systemClock } from '../../src/support/clock.ts';
import { createLog } from '../../src/support/log.ts';
import { cleanUpAfterEach, command, redisServer } from './redis-node.ts';

cleanUpAfterEach();
let close: () => Promise<void>;
// Before the server of the test ends: hooks run in reverse.
afterEach(() => close());

async function setUp({ maxUnderway = 6_000 } = {}) {
  const server = await redisServer();
  const link = createLink({
    url: server.url,
    name: 'publisher',
    clock: systemClock,
    log: createLog({ level: 'silent', node: 'node-1' }),
    failFast: true,
    maxQueued: maxUnderway,
    prepare: preparePublishing,
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
  return { server, link, heard, publisher: createPublisher({ link, maxUnderway }) };
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

it.each([1, 2, 200, 201, 5_000])('brings %i messages of one turn, once and in order', async (count) => {
  const all = await setUp();
  publishAll(all, numbered(count));
  expect(await heardAfter(all, count)).toEqual(numbered(count));
  expect(all.publisher.takeLost()).toBe(0);
});

/** Prints, from a process of its own, what Redis has counted of each command. */
const askOnce = `
const { hostname, port } = new URL(process.argv[1]);
const socket = require('node:net').connect(Number(port), hostname, () => socket.end('INFO commandstats\\r\\n'));
socket.pipe(process.stdout);`;

it('has them all at Redis before the step that was asked for behind the first runs', async () => {
  const all = await setUp();
  const wanted = numbered(150);
  publishAll(all, wanted.slice(0, 1));
  // As a replica asks for its own clients' writes; while it runs nothing else of this process does.
  const stats = new Promise<string>((resolve) =>
    setImmediate(() =>
      resolve(execFileSync(process.execPath, ['-e', askOnce, all.server.url], { encoding: 'utf8' })),
    ),
  );
  publishAll(all, wanted.slice(1));
  expect(await stats).toMatch(/cmdstat_publish:calls=150,/);
});

it('brings them also when Redis forgot every script', async () => {
  const all = await setUp();
  for (const round of [1, 2, 3]) {
    all.heard.length = 0;
    await command(all.server, 'SCRIPT FLUSH');
    publishAll(all, numbered(450 * round));
    expect(await heardAfter(all, 450 * round)).toEqual(numbered(450 * round));
  }
});

it('brings them with no memory left, where writes are refused', async () => {
  const all = await setUp();
  await command(all.server, 'CONFIG SET maxmemory 1');
  publishAll(all, numbered(300));
  expect(await heardAfter(all, 300)).toEqual(numbered(300));
});

it('sends at once what waits for the end of the turn, when the link is about to close', async () => {
  const all = await setUp();
  publishAll(all, numbered(3));
  all.publisher.flush();
  await all.link.close();
  expect(await heardAfter(all, 3)).toEqual(numbered(3));
});

it('loses and counts what is more than may be under way, and takes more as soon as Redis has answered', async () => {
  const all = await setUp({ maxUnderway: 500 });
  publishAll(all, numbered(620));
  expect(all.publisher.takeLost()).toBe(120);
  expect(await heardAfter(all, 500)).toEqual(numbered(500));
  await vi.waitFor(
    () => {
      all.heard.length = 0;
      publishAll(all, numbered(500));
      expect(all.publisher.takeLost()).toBe(0);
    },
    { timeout: 10_000, interval: 5 },
  );
  expect(await heardAfter(all, 500)).toEqual(numbered(500));
});
