/** Clients that take less than they are sent, on a true replica over true sockets; the quick part of test/faults/slow*.test.ts. */
import { describe, expect, it, onTestFinished } from 'vitest';
import { figureOf, ageOf, part } from '../faults/measures.ts';
import { createMergeCheck } from '../support/merge-check.ts';
import { createRawReader, type RawReader, type RawReaderOptions } from '../support/raw-reader.ts';
import { createRecorder, type Recorder } from '../support/recorder.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { until } from '../support/until.ts';
import { startReplica, type ReplicaUnderTest } from './replica-under-test.ts';

/** 2,000 ticks a second. */
const symbols = Array.from({ length: 100 }, (_, index) => `S${index + 1}-USD`);
const fed = { FEEDS: `simulator:${symbols.join(',')}`, UPDATE_INTERVAL: '50' };

function readerOf({ url }: ReplicaUnderTest, onTick?: RawReaderOptions['onTick']): RawReader {
  const reader = createRawReader({ url, symbols, ...(onTick === undefined ? {} : { onTick }) });
  onTestFinished(() => reader.close());
  return reader;
}

/** A stock client behind a line of ours. */
async function connectBy(
  { url }: ReplicaUnderTest,
  transport: 'websocket' | 'polling',
): Promise<{ line: TcpProxy; client: Recorder }> {
  const line = await startTcpProxy({ to: Number(new URL(url).port) });
  onTestFinished(() => line.close());
  const client = createRecorder(`http://127.0.0.1:${line.port}`, { transports: [transport] });
  onTestFinished(() => client.close());
  return { line, client };
}

describe.each(['websocket', 'polling'] as const)('a client that takes too little, over %s', (transport) => {
  it.each([0, 250])('[SL1][SL2] gets fresh values at %i ms, each honestly merged', async (everyMs) => {
    const under = await startReplica(fed);
    const merges = createMergeCheck();
    const ages: { at: number; ms: number }[] = [];
    const whole = readerOf(under, (tick) => merges.whole(tick));
    await until(() => whole.messages() > 100);
    const { line, client } = await connectBy(under, transport);
    // Less than a third of what there is to read.
    line.suffer('down', { bytesPerSecond: everyMs === 0 ? 40_000 : 20_000 });
    client.socket.emit('subscribe', { symbols, everyMs });
    client.socket.on('tick', (tick) => {
      ages.push({ at: performance.now(), ms: ageOf(tick) });
      merges.merged(tick, transport);
    });
    // Until then there is what was on its way before the line was known.
    const steadyAt = (): number => (ages[0]?.at ?? Infinity) + 3_000;
    const steady = (): number[] => ages.filter(({ at }) => at > steadyAt()).map(({ ms }) => ms);
    const enough = everyMs === 0 ? 500 : 200;
    await until(() => steady().length > enough, { withinMs: 20_000, saw: () => ages.length });
    expect(merges.faults()).toEqual([]);
    expect(merges.compared()).toBeGreaterThan(100);
    expect(client.faults()).toEqual([]);
    expect(part(steady(), 1)).toBeLessThan(1_000 + everyMs);
  });

  it('[SL2] that reads on after a while has the newest, and no hole', async () => {
    const under = await startReplica(fed);
    const { line, client } = await connectBy(under, transport);
    client.follow(symbols);
    let lastAgeMs = Infinity;
    client.socket.on('tick', (tick) => void (lastAgeMs = ageOf(tick)));
    await client.seen('tick', 2_000, 10_000);
    line.suffer('down', { passing: 'hold' });
    const held = client.ticks().length;
    const witness = readerOf(under);
    await until(() => witness.messages() > 4_000, { withinMs: 10_000 });
    line.heal();
    await client.seen('tick', held + 500, 5_000);
    await until(() => lastAgeMs < 200, { saw: () => lastAgeMs });
    const after = client.ticks().slice(held);
    expect(client.faults()).toEqual([]);
    expect(after.reduce((sum, { merged = 0 }) => sum + merged, 0)).toBeGreaterThan(1_000);
    expect(await figureOf(under.url, 'tickwire_connections_cut_total')).toBe(0);
  });
});

describe('a client that takes nothing', () => {
  it('[SL3] is cut after SLOW_CLIENT_MS, and others do not notice', async () => {
    const under = await startReplica({ ...fed, SLOW_CLIENT_MS: '1000' });
    const other = readerOf(under);
    const deaf = readerOf(under);
    await until(() => deaf.messages() > 1_000 && other.messages() > 1_000);
    deaf.stopReading();
    const from = performance.now();
    const cut = () => figureOf(under.url, 'tickwire_connections_cut_total', 'reason="slow"');
    await until(async () => (await cut()) === 1, { withinMs: 5_000, saw: cut });
    expect(performance.now() - from).toBeGreaterThan(900);
    const before = other.messages();
    await until(() => other.messages() > before + 1_000);
    expect(other.isOpen()).toBe(true);
    deaf.readOn();
    await until(() => !deaf.isOpen());
  });
});
