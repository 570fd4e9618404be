import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createBatchWriter, type BatchWriter } from '../../test/support/stand-ins/log-batches.ts';
import { createManualClock } from '../../test/support/stand-ins/manual-clock.ts';
import { BackplaneUnavailable } from '../backplane/contract.ts';
import { createLog } from '../support/log.ts';
import type { Batch } from './batch.ts';
import { maxReadBatches } from './contract.ts';
import { createLogReader } from './log-reader.ts';
import { createPriceBook } from './price-book.ts';

/** A reader of a log in the test's hands: `log.kept` are the batches that the store still has. */
async function setUp() {
  const clock = createManualClock();
  const log = { writer: createBatchWriter(), gone: 0, fails: false, reads: 0, hold: Promise.resolve() };
  let deliver: (bytes: Buffer) => void = () => {};
  const events: string[] = [];
  const book = createPriceBook({ windowMs: 60_000, maxWindowBytes: 1e6, monotonic: () => clock.monotonic() });
  const answer = async <T>(value: () => T): Promise<T> => {
    log.reads++;
    await log.hold;
    if (log.fails) throw new BackplaneUnavailable('away');
    return value();
  };
  const reader = createLogReader({
    tickLog: {
      readState: () => answer(() => log.writer.state({ oldest: log.gone + 1 })),
      readAfter: (gen, number) =>
        answer(() =>
          gen !== log.writer.gen || number < log.gone
            ? null
            : log.writer.batches.slice(number, number + maxReadBatches).map(({ bytes }) => bytes),
        ),
      onBatch: (listener) => void (deliver = listener),
    },
    book,
    clock,
    log: createLog({ level: 'silent', node: 'test' }),
    retryMs: () => 100,
    isOutage: () => true,
    onBatch: ({ number, symbols, seqs }) =>
      events.push(`${number}: ${symbols.map((symbol, place) => `${symbol}${seqs[place]}`).join()}`),
    onStart: ({ reason }) => events.push(reason),
    onRepair: (ticks) => events.push(`repaired ${String(ticks)}`),
  });
  reader.catchUp();
  await clock.advance(0);
  events.length = 0;
  return { clock, log, book, reader, events, receive: (batch: Batch) => deliver(batch.bytes) };
}

const price = (writer: BatchWriter, symbol = 'A') => writer.next([[symbol, '1']]);

describe('the reader of the log', () => {
  it('applies each batch once and in order', async () => {
    const { log, events, receive, clock } = await setUp();
    const [one, two] = [price(log.writer), price(log.writer)];
    for (const batch of [one, one, two, one]) receive(batch);
    await clock.advance(0);
    expect(events).toEqual(['1: A1', '2: A2']);
  });

  it('reads a batch that is missing, then takes what came meanwhile', async () => {
    const { log, events, receive, clock } = await setUp();
    const [, , third] = [price(log.writer), price(log.writer), price(log.writer)];
    receive(third);
    await clock.advance(0);
    expect(events).toEqual(['1: A1', '2: A2', '3: A3', 'repaired 3']);
  });

  it('[RC4] is waited for until it has what the next beat names, by each caller for a second at most', async () => {
    const { log, reader, clock } = await setUp();
    const done: string[] = [];
    void reader.caughtUp().then(() => done.push('first'));
    await clock.advance(900);
    void reader.caughtUp().then(() => done.push('second'));
    await clock.advance(100);
    expect(done).toEqual(['first']);
    price(log.writer);
    log.hold = new Promise((resolve) => void clock.after(50, resolve));
    reader.expect('gen001', 1);
    await clock.advance(0);
    expect(done).toEqual(['first']);
    await clock.advance(50);
    expect(done).toEqual(['first', 'second']);
    expect(clock.timers()).toBe(0);
  });

  it('[SQ8] reads a lost last batch as soon as the leader names its number', async () => {
    const { log, events, reader, clock } = await setUp();
    price(log.writer);
    reader.expect('gen001', 0);
    await clock.advance(0);
    expect(events).toEqual([]);
    reader.expect('gen001', 1);
    await clock.advance(0);
    expect(events).toEqual(['1: A1', 'repaired 1']);
  });

  it('reads once for all that is missing, in as many parts as it takes', async () => {
    const { log, book, reader, clock } = await setUp();
    for (let count = 0; count < 2 * maxReadBatches + 5; count++) price(log.writer);
    log.reads = 0;
    for (let count = 0; count < 5; count++) reader.expect('gen001', log.writer.batches.length);
    await clock.advance(0);
    expect([book.number(), log.reads]).toEqual([205, 5]);
  });

  it('[SQ7] starts again from the quotes if missing batches are gone', async () => {
    const { log, book, events, receive, clock } = await setUp();
    for (let count = 0; count < 5; count++) price(log.writer);
    log.gone = 3;
    receive(price(log.writer));
    await clock.advance(0);
    expect(events).toEqual(['repaired null', 'gap']);
    expect([book.number(), book.seq('A'), book.oldest()]).toEqual([6, 6, 4]);
    receive(price(log.writer));
    expect(events.at(-1)).toBe('7: A7');
  });

  it('[SQ4] starts again from the quotes of a new generation, by its first batch or by the beat of its leader', async () => {
    for (const how of ['batch', 'beat']) {
      const { log, events, receive, reader, clock } = await setUp();
      receive(price(log.writer));
      log.writer = createBatchWriter('gen002');
      const first = price(log.writer, 'B');
      if (how === 'batch') receive(first);
      else reader.expect('gen002', 1);
      await clock.advance(0);
      receive(price(log.writer, 'B'));
      expect(events).toEqual(['1: A1', 'repaired null', 'generation', '2: B2']);
    }
  });

  it('repeats a read that fails until it succeeds, and loses nothing that came meanwhile', async () => {
    const { log, events, receive, clock } = await setUp();
    const [, two] = [price(log.writer), price(log.writer)];
    log.fails = true;
    receive(two);
    await clock.advance(1_000);
    receive(price(log.writer));
    expect(events).toEqual([]);
    log.fails = false;
    await clock.advance(200);
    expect(events.filter((event) => !event.startsWith('repaired'))).toEqual(['1: A1', '2: A2', '3: A3']);
  });

  it('reads a damaged batch from the store again', async () => {
    const { log, events, reader, receive, clock } = await setUp();
    const batch = price(log.writer);
    receive({ ...batch, bytes: batch.bytes.subarray(0, -1) } as Batch);
    await clock.advance(0);
    reader.expect('gen001', 1);
    expect(events[0]).toBe('1: A1');
  });

  it('starts again from the quotes if a batch does not fit what it has', async () => {
    const { log, events, receive, clock } = await setUp();
    receive(price(log.writer));
    receive(createBatchWriter().next([['A', '9']], { number: 2 }));
    await clock.advance(0);
    expect(events).toEqual(['1: A1', 'repaired null', 'gap']);
  });

  it('lets a caller wait until a batch is applied, for a time at most', async () => {
    const { log, reader, receive, clock } = await setUp();
    const reached: string[] = [];
    void reader.reached('gen001', 1, 500).then(() => reached.push('one'));
    void reader.reached('gen001', 2, 500).then(() => reached.push('two'));
    receive(price(log.writer));
    await clock.advance(0);
    expect(reached).toEqual(['one']);
    await clock.advance(500);
    expect(reached).toEqual(['one', 'two']);
  });

  it('applies everything once and in order, whatever is lost, repeated or late', async () => {
    const steps = fc.array(fc.record({ isLost: fc.boolean(), again: fc.nat(3), isBeat: fc.boolean() }), {
      minLength: 1,
      maxLength: 30,
    });
    await fc.assert(
      fc.asyncProperty(steps, async (all) => {
        const { log, events, reader, receive, clock } = await setUp();
        for (const { isLost, again, isBeat } of all) {
          const batch = price(log.writer);
          if (!isLost) receive(batch);
          const earlier = log.writer.batches[log.writer.batches.length - 1 - again];
          if (earlier !== undefined && !isLost) receive(earlier);
          if (isBeat) reader.expect('gen001', log.writer.batches.length);
          if (again === 0) await clock.advance(0);
        }
        reader.expect('gen001', log.writer.batches.length);
        await clock.advance(0);
        const applied = events.filter((event) => !event.startsWith('repaired'));
        expect(applied).toEqual(all.map((_, index) => `${index + 1}: A${index + 1}`));
      }),
      { numRuns: 50 },
    );
  });
});
