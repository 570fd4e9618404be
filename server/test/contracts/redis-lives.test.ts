/**
 * The log on a Redis that loses what it knew: emptied, restarted, rolled back to older files. Whatever happens, a
 * (generation, symbol, seq) stands for one tick for ever.
 */
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { cleanUpAfterEach, command, openNode, redisServer, untilAt, type Node } from './redis-node.ts';
import { leadLog, type LogTerm } from './log-steps.ts';

cleanUpAfterEach();

const folders: string[] = [];
afterEach(async () => {
  await Promise.all(folders.splice(0).map((folder) => rm(folder, { recursive: true, force: true })));
});

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tickwire-store-'));
  folders.push(folder);
  return folder;
}

async function upNode(url: string): Promise<Node> {
  const node = openNode(url);
  await untilAt(node, 'up', 5_000);
  return node;
}

const prices = (symbol: string, from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => [symbol, `${from + index}`] as const);

async function fill(term: LogTerm, symbol: string, from: number, to: number): Promise<void> {
  for (const price of prices(symbol, from, to))
    expect(await term.append({ prices: [price] })).toEqual({ ok: true });
}

describe('a Redis that was emptied', () => {
  it('refuses the leader, has nothing to read, and begins with nothing at the next claim', async () => {
    const server = await redisServer();
    const { driver } = await upNode(server.url);
    const before = await leadLog(driver, 1);
    await before.append({
      prices: [
        ['A', '1'],
        ['A', '2'],
      ],
      sourceSeqs: [5, 6],
    });
    await command(server, 'FLUSHALL');
    expect(await before.append({ prices: [['A', '3']] })).toEqual({ ok: false, reason: 'generation' });
    expect(await driver.tickLog.readState()).toBeNull();
    expect(await driver.tickLog.readAfter(before.gen, 0)).toBeNull();
    const after = await leadLog(driver, 1);
    expect(after.gen).not.toBe(before.gen);
    expect(await driver.tickLog.readState()).toMatchObject({ number: 0, quotes: [] });
    expect(await before.append({ prices: [['A', '3']] })).toEqual({ ok: false, reason: 'generation' });
    expect(await after.append({ prices: [['A', '1']] })).toEqual({ ok: true });
  });
});

describe('a Redis that was restarted with all that it knew', () => {
  it('begins a new generation at the next claim, and keeps prices, source numbers, pushes and notes', async () => {
    const server = await redisServer(['--appendonly', 'yes', '--appendfsync', 'always']);
    const node = await upNode(server.url);
    const { driver } = node;
    const before = await leadLog(driver, 3);
    const push = { id: 'push', hash: 'h', answer: '[["B",1]]' };
    const notes = { pause: { version: 1, isPaused: true } };
    await before.append({ prices: [['A', '1.50']], sourceSeqs: [7], more: { notes } });
    await before.append({ prices: [['B', '2']], more: { pushes: [push] } });
    await server.kill('SIGKILL');
    await server.restart();
    await untilAt(node, 'up', 1_500);

    expect(await driver.tickLog.claim(2)).toEqual({ ok: false, reason: 'epoch' });
    const after = await leadLog(driver, 4);
    expect(after.gen).not.toBe(before.gen);
    expect(after.number()).toBe(0);
    const state = await driver.tickLog.readState();
    expect(state).toMatchObject({ gen: after.gen, oldest: 1, notes });
    expect(
      new Map(
        state?.quotes.map(({ quote, sourceSeq }) => [quote.symbol, [quote.price, quote.gen, sourceSeq]]),
      ),
    ).toEqual(
      new Map([
        ['A', ['1.50', before.gen, 7]],
        ['B', ['2', before.gen, null]],
      ]),
    );
    expect(await driver.tickLog.readAfter(before.gen, 0)).toBeNull();
    expect(await before.append({ prices: [['A', '9']] })).toEqual({ ok: false, reason: 'generation' });

    expect(await after.append({ prices: [['B', '3']], more: { pushes: [push] } })).toEqual({
      ok: false,
      reason: 'pushes',
      known: [push],
    });
    await fill(after, 'A', 10, 11);
    expect(after.ticks.map(({ seq }) => seq)).toEqual([1, 2]);
  });
});

describe('a Redis that was rolled back', () => {
  it.each([
    { files: 'append-only file', args: ['--appendonly', 'yes', '--appendfsync', 'always'], save: null },
    { files: 'snapshot', args: ['--dbfilename', 'dump.rdb'], save: 'SAVE' },
  ])(
    'to an older $files refuses the leader, and uses no generation and seq a second time',
    async ({ args, save }) => {
      const [live, older] = [await newFolder(), await newFolder()];
      const server = await redisServer([...args, '--dir', live]);
      const node = await upNode(server.url);
      const before = await leadLog(node.driver, 1);
      await fill(before, 'A', 1, 20);
      if (save !== null) await command(server, save);
      await cp(live, older, { recursive: true });
      await fill(before, 'A', 101, 120);
      await server.kill('SIGKILL');
      await rm(live, { recursive: true });
      await cp(older, live, { recursive: true });
      await server.restart();
      await untilAt(node, 'up', 1_500);

      expect(await before.append({ prices: [['A', '999']] })).toEqual({ ok: false, reason: 'number' });
      const after = await leadLog(node.driver, 2);
      expect((await node.driver.tickLog.readState())?.quotes[0]?.quote).toMatchObject({ price: '20' });
      await fill(after, 'A', 201, 240);
      const names = [...before.ticks, ...after.ticks].map(({ gen, seq }) => `${gen} ${seq}`);
      expect(new Set(names).size).toBe(80);
    },
  );
});

describe('the seats of users', () => {
  const seat = (cid: string) => ({ user: 'u', cid, id: `id-${cid}` });

  it('are none in a Redis that was emptied, whose generation is another', async () => {
    const server = await redisServer();
    const { userSeats } = (await upNode(server.url)).driver;
    const before = await userSeats.enter();
    await userSeats.take(before, [seat('a')], 1);
    await command(server, 'FLUSHALL');
    expect(await userSeats.beat(before, [])).toBeNull();
    expect(await userSeats.take(before, [seat('a')], 1)).toBeNull();
    const after = await userSeats.enter();
    expect(after).not.toBe(before);
    expect(await userSeats.take(after, [seat('b')], 1)).toEqual([{ ok: true, replaced: null }]);
  });

  it('are of another life in a Redis that was restarted with all that it knew: the newest may be lost', async () => {
    const server = await redisServer(['--appendonly', 'yes', '--appendfsync', 'always']);
    const [one, two] = [await upNode(server.url), openNode(server.url, 'node-2')];
    await untilAt(two, 'up', 5_000);
    const before = await one.driver.userSeats.enter();
    await two.driver.userSeats.enter();
    await one.driver.userSeats.take(before, [seat('a')], 1);
    await server.kill('SIGKILL');
    await server.restart();
    await Promise.all([untilAt(one, 'up', 1_500), untilAt(two, 'up', 1_500)]);

    expect(await one.driver.userSeats.take(before, [seat('b')], 2)).toBeNull();
    expect(await one.driver.userSeats.beat(before, [])).toBeNull();
    const after = await two.driver.userSeats.enter();
    expect(after).not.toBe(before);
    expect((await two.driver.userSeats.beat(after, []))?.beats.size).toBe(1);
    expect(await two.driver.userSeats.take(after, [seat('b')], 1)).toEqual([{ ok: true, replaced: null }]);
    expect(await one.driver.userSeats.enter()).toBe(after);
    expect(await one.driver.userSeats.take(after, [seat('a')], 1)).toEqual([{ ok: false }]);
    expect(await one.driver.userSeats.take(after, [seat('a')])).toEqual([{ ok: true, replaced: null }]);
  });
});

describe('a part of what is stored is gone', () => {
  it('says that batches are gone if the stream has a hole, and gives those behind it', async () => {
    const server = await redisServer();
    const node = openNode(server.url, 'node-1', 'p');
    await untilAt(node, 'up', 5_000);
    const term = await leadLog(node.driver, 1);
    await fill(term, 'A', 1, 5);
    await command(server, 'XDEL p:{p}:log:batches 3-0', ':1');
    expect(await node.driver.tickLog.readAfter(term.gen, 2)).toBeNull();
    expect((await node.driver.tickLog.readAfter(term.gen, 3))?.map(({ number }) => number)).toEqual([4, 5]);
    await command(server, 'DEL p:{p}:log:batches', ':1');
    expect(await node.driver.tickLog.readAfter(term.gen, 3)).toBeNull();
    expect(await term.append({ prices: [['A', '6']] })).toEqual({ ok: true });
    expect(await node.driver.tickLog.readState()).toMatchObject({ number: 6, oldest: 6 });
  });

  it('lets the next leader claim a log that outlived the lease record', async () => {
    const server = await redisServer();
    const node = openNode(server.url, 'node-1', 'p');
    await untilAt(node, 'up', 5_000);
    const { driver } = node;
    await leadLog(driver, 57);
    expect(await driver.lease.take({ holder: null, epoch: 0, beat: 0 })).toMatchObject({ epoch: 58 });
  });
});
