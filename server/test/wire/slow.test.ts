/** Clients that read less than they are sent, of every kind, over real sockets. test/faults-alone/slow-lines.test.ts measures how old their ticks get. */
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Tick } from '../../protocol/index.ts';
import { ageOf } from '../faults/measures.ts';
import { createMergeCheck } from '../support/checks/merge-check.ts';
import { createPlainClient } from '../support/clients/plain-client.ts';
import { createRawReader } from '../support/clients/raw-reader.ts';
import { createRecorder } from '../support/clients/recorder.ts';
import { startTcpProxy } from '../support/stand-ins/tcp-proxy.ts';
import { until } from '../support/until.ts';
import { startReplica, type ReplicaUnderTest } from './replica-under-test.ts';

/** 2,000 ticks per second. */
const symbols = Array.from({ length: 100 }, (_, index) => `S${index + 1}-USD`);
const fed = { FEEDS: `simulator:${symbols.join(',')}`, UPDATE_INTERVAL: '50' };
const all = `/stream?symbols=${symbols.join(',')}`;
const slowCuts = ({ metric }: ReplicaUnderTest): Promise<number> =>
  metric('tickwire_connections_cut_total', 'reason="slow"');

/** A client that reads every tick, and one whose line the test holds. */
const kinds = {
  websocket: (url: string) => createRecorder(url, { transports: ['websocket'] }),
  polling: (url: string) => createRecorder(url, { transports: ['polling'] }),
  plain: (url: string) => createPlainClient(url, all),
};

describe('a client whose line is held for a while', () => {
  it.each(['websocket', 'polling', 'plain'] as const)(
    '[SL2][W3][PW5] over %s: it gets the newest values afterwards, truthfully merged, without a hole',
    async (kind) => {
      const under = await startReplica(fed);
      const merges = createMergeCheck();
      const witness = createRawReader({ url: under.url, symbols, onTick: (tick) => merges.whole(tick) });
      onTestFinished(() => witness.close());
      await until(() => witness.messages() > 100);
      const line = await startTcpProxy({ to: under.port });
      onTestFinished(() => line.close());
      const client = kinds[kind](`http://127.0.0.1:${line.port}`);
      onTestFinished(() => client.close());
      if ('follow' in client) client.follow(symbols);
      await client.seen('tick', 500, 10_000);

      line.suffer('down', { passing: 'hold' });
      const held = client.ticks().length;
      const seen = witness.messages();
      await until(() => witness.messages() > seen + 3_000, { withinMs: 10_000 });
      line.heal();
      // Every symbol again, and none of it old.
      const newest = (): (Tick | undefined)[] => symbols.map((symbol) => client.ticks(symbol).at(-1));
      await client.seen('tick', held + 500, 10_000);
      await until(() => newest().every((tick) => tick !== undefined && ageOf(tick) < 1_000), {
        saw: () => newest().map((tick) => tick && ageOf(tick)),
      });
      const lastAgeMs = (): number => Math.min(...client.ticks().slice(-1).map(ageOf));
      await until(() => lastAgeMs() < 200, { saw: lastAgeMs });
      const after = client.ticks().slice(held);
      for (const tick of after) merges.merged(tick, kind);
      expect(after.reduce((sum, { merged = 0 }) => sum + merged, 0)).toBeGreaterThan(1_000);
      expect(merges.faults()).toEqual([]);
      expect(merges.compared()).toBeGreaterThan(50);
      expect(client.faults()).toEqual([]);
      expect(await under.metric('tickwire_connections_cut_total')).toBe(0);
    },
  );
});

describe('a client that reads nothing', () => {
  it('[SL3][PW5] is disconnected after SLOW_CLIENT_MS, over Socket.IO and plain; other clients notice nothing', async () => {
    const speed = 2;
    const under = await startReplica({ ...fed, SLOW_CLIENT_MS: '1000' }, { speed });
    const other = under.stream(all);
    const deafPlain = under.stream(all);
    const deaf = createRawReader({ url: under.url, symbols });
    onTestFinished(() => deaf.close());
    await until(() => deaf.messages() > 500 && deafPlain.messages.length > 500);
    deaf.stopReading();
    deafPlain.socket.pause();
    const from = performance.now();
    await until(async () => (await slowCuts(under)) >= 1, { saw: () => slowCuts(under) });
    expect(performance.now() - from).toBeGreaterThan(900 / speed);
    await until(async () => (await slowCuts(under)) === 2, { saw: () => slowCuts(under) });
    await other.seen('tick', other.ticks().length + 500);
    deaf.readOn();
    deafPlain.socket.resume();
    await deafPlain.closed();
    await until(() => !deaf.isOpen());
    expect(other.faults()).toEqual([]);
    expect(await under.metric('socket_connections_active')).toBe(1);
  });
});
