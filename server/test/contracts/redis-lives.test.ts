/**
 * The store on a Redis that loses what it knew: emptied, restarted, rolled back to older files. Whatever happens, a
 * (generation, symbol, seq) stands for one tick for ever.
 */
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { AppendOutcome } from '../../src/backplane/contract.ts';
import { cleanUpAfterEach, command, openNode, redisServer, untilAt, type Node } from './redis-node.ts';
import { counted, draft, draftsOf, lead, missedSince, readOne, type Term } from './store-steps.ts';

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

/** What was accepted, so that a second tick under the same name is found. */
function createBook() {
  const prices = new Map<string, string>();
  return {
    /** Appends one tick each, with prices from `from` on, and notes what it got. */
    async fill(term: Term, symbol: string, count: number, from: number): Promise<void> {
      for (const one of draftsOf(symbol, count, from)) {
        const outcome = await term.append([one]);
        if (!outcome.ok) throw new Error(`the store refused: ${outcome.reason}`);
        const name = `${term.gen}:${symbol}:${outcome.seqs[0]}`;
        expect(prices.get(name) ?? one.tick.price).toBe(one.tick.price);
        prices.set(name, one.tick.price);
      }
    },
    size: () => prices.size,
  };
}

async function upNode(url: string): Promise<Node> {
  const node = openNode(url);
  await untilAt(node, 'up', 5_000);
  return node;
}

const generationRefused: AppendOutcome = { ok: false, reason: 'generation' };

describe('a Redis that was emptied', () => {
  it('refuses the leader, gives nothing to read, and begins with nothing at the next claim', async () => {
    const server = await redisServer();
    const { driver } = await upNode(server.url);
    const before = await lead(driver, 1);
    await before.append([draft('A', '1', 5), draft('A', '2', 6)], { batchId: 'b' });
    await command(server, 'FLUSHALL');
    expect(await before.append([draft('A', '3')])).toEqual(generationRefused);
    expect(await readOne(driver, 'A', { after: [before.gen, 0] })).toEqual({
      gen: null,
      quote: null,
      missed: null,
    });
    const claimed = await driver.tickStore.claim(0, 1);
    expect(claimed).toMatchObject({ ok: true, quotes: [], sourceSeqs: new Map() });
    const after = await lead(driver, 1);
    expect(after.gen).not.toBe(before.gen);
    expect(await before.append([draft('A', '3')])).toEqual(generationRefused);
    expect(await after.append([draft('A', '1', 5), draft('A', '2', 6)], { batchId: 'b' })).toEqual(
      counted([1, 2]),
    );
  });
});

describe('a Redis that was restarted with all that it knew', () => {
  it('refuses the leader, reads as empty until the claim, and then knows prices and nothing more', async () => {
    const server = await redisServer(['--appendonly', 'yes', '--appendfsync', 'always']);
    const node = await upNode(server.url);
    const { driver } = node;
    const before = await lead(driver, 3);
    const once = { id: 'push', hash: 'h' };
    await before.append([draft('A', '1.50', 7), draft('B', '2')], { batchId: 'b', once });
    await server.kill('SIGKILL');
    await server.restart();
    await untilAt(node, 'up', 1_500);

    expect(await before.append([draft('A', '9')])).toEqual(generationRefused);
    expect(await readOne(driver, 'A', { after: [before.gen, 0] })).toEqual({
      gen: null,
      quote: null,
      missed: null,
    });
    expect(await driver.tickStore.claim(0, 2)).toEqual({ ok: false, reason: 'epoch' });
    const claimed = await driver.tickStore.claim(0, 3);
    if (!claimed.ok) throw new Error('the claim was refused');
    const after = await lead(driver, 4);
    expect(after.gen).toBe(claimed.gen);
    expect(after.gen).not.toBe(before.gen);
    expect(
      new Map(claimed.quotes.map(({ symbol, price, gen, seq }) => [symbol, { price, gen, seq }])),
    ).toEqual(
      new Map([
        ['A', { price: '1.50', gen: after.gen, seq: 0 }],
        ['B', { price: '2', gen: after.gen, seq: 0 }],
      ]),
    );
    expect(claimed.sourceSeqs).toEqual(new Map([['A', 7]]));
    expect(await missedSince(after, 'A', 0)).toEqual([]);
    expect((await readOne(driver, 'A', { after: [before.gen, 0] })).missed).toBeNull();

    // Batch and once ids of that life are void; the numbers of the sources are not.
    const again = [draft('A', '1.50', 7), draft('B', '3')];
    expect(await after.append(again, { batchId: 'b', once })).toEqual(counted([null, 1]));
    expect(await missedSince(after, 'B', 0)).toEqual(['3']);
    expect(await after.append(draftsOf('A', 2, 10))).toEqual(counted([1, 2]));
    expect(await missedSince(after, 'A', 0)).toEqual(['10', '11']);
  });
});

describe('a Redis that was rolled back', () => {
  it.each([
    { files: 'append-only file', args: ['--appendonly', 'yes', '--appendfsync', 'always'], save: null },
    { files: 'snapshot', args: ['--dbfilename', 'dump.rdb'], save: 'SAVE' },
  ])('to an older $files uses no generation and seq a second time', async ({ args, save }) => {
    const [live, older] = [await newFolder(), await newFolder()];
    const server = await redisServer([...args, '--dir', live]);
    const node = await upNode(server.url);
    const book = createBook();
    const before = await lead(node.driver, 1);
    await book.fill(before, 'A', 20, 1);
    if (save !== null) await command(server, save);
    await cp(live, older, { recursive: true });
    await book.fill(before, 'A', 20, 101);
    await server.kill('SIGKILL');
    await rm(live, { recursive: true });
    await cp(older, live, { recursive: true });
    await server.restart();
    await untilAt(node, 'up', 1_500);

    expect(await before.append([draft('A', '999')])).toEqual(generationRefused);
    const after = await lead(node.driver, 2);
    const { quote } = await readOne(node.driver, 'A');
    expect(quote).toMatchObject({ price: '20', seq: 0 });
    await book.fill(after, 'A', 40, 201);
    expect(book.size()).toBe(80);
    expect(await missedSince(after, 'A', 0)).toHaveLength(40);
  });
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
  it('gives no missed ticks where a history has a hole, and all of them once it is whole again', async () => {
    const server = await redisServer();
    const node = openNode(server.url, 'node-1', 'p', { historyTicks: 5 });
    await untilAt(node, 'up', 5_000);
    const term = await lead(node.driver, 1);
    const key = 'p:{p:0}:history:A';
    await term.append(draftsOf('A', 4));
    await command(server, `LSET ${key} 1 '7:{"price":"7","ts":1}'`);
    expect(await missedSince(term, 'A', 0)).toBeNull();
    expect(await missedSince(term, 'A', 2)).toEqual(['3', '4']);
    await command(server, `LTRIM ${key} 0 -2`);
    expect(await missedSince(term, 'A', 2)).toBeNull();
    await term.append(draftsOf('A', 5, 5));
    expect(await missedSince(term, 'A', 4)).toEqual(['5', '6', '7', '8', '9']);
    await command(server, `LLEN ${key}`, ':5');
    await command(server, `DEL ${key}`, ':1');
    expect(await missedSince(term, 'A', 8)).toBeNull();
  });

  it('takes nothing of an earlier generation for what was missed, where no history was kept in between', async () => {
    const server = await redisServer();
    const keeping = openNode(server.url, 'node-1', 'p', { historyTicks: 5 });
    const careless = openNode(server.url, 'node-2', 'p', { historyTicks: 0 });
    await Promise.all([untilAt(keeping, 'up', 5_000), untilAt(careless, 'up', 5_000)]);
    await (await lead(keeping.driver, 1)).append(draftsOf('A', 3, 101));
    await command(server, 'HSET p:{p:0}:meta run another', ':0');
    await (await lead(careless.driver, 2)).append(draftsOf('A', 3));
    const term = await lead(keeping.driver, 3);
    expect(await term.append(draftsOf('A', 1, 4))).toEqual(counted([4]));
    expect(await missedSince(term, 'A', 2)).toBeNull();
    expect(await missedSince(term, 'A', 3)).toEqual(['4']);
  });

  it('lets the next leader claim a shard that outlived the lease record', async () => {
    const server = await redisServer();
    const node = openNode(server.url, 'node-1', 'p', { shards: 2 });
    await untilAt(node, 'up', 5_000);
    const { driver } = node;
    await lead(driver, 57, 0);
    await lead(driver, 57, 1);
    await command(server, 'RENAME p:{p:0}:meta elsewhere');
    const taken = await driver.lease.take(await driver.lease.read());
    expect(taken?.epoch).toBe(1);
    expect(await driver.tickStore.claim(1, 1)).toEqual({ ok: false, reason: 'epoch' });
    await driver.lease.release(1);
    const again = await driver.lease.take(await driver.lease.read());
    expect(again?.epoch).toBe(58);
    expect(await driver.tickStore.claim(1, 58)).toMatchObject({ ok: true });
  });
});
