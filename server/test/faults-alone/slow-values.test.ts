/** How old the ticks of clients get that read less than a third of what they are sent, of every kind and at two rates. */
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Tick } from '../../protocol/index.ts';
import { ageOf, part } from '../faults/measures.ts';
import { createMergeCheck } from '../support/merge-check.ts';
import { createPlainClient } from '../support/plain-client.ts';
import { createRawReader } from '../support/raw-reader.ts';
import { createRecorder } from '../support/recorder.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import { until } from '../support/until.ts';
import { startReplica } from '../wire/replica-under-test.ts';

/** 2,000 ticks per second. */
const symbols = Array.from({ length: 100 }, (_, index) => `S${index + 1}-USD`);

/** Each connects and hands every tick over. */
const connect = {
  socketIo: (url: string, transport: string, everyMs: number, onTick: (tick: Tick) => void) => {
    const client = createRecorder(url, { transports: [transport] });
    client.socket.emit('subscribe', { symbols, everyMs });
    client.socket.on('tick', onTick);
    return client;
  },
  plain: (url: string, everyMs: number, onTick: (tick: Tick) => void) => {
    const client = createPlainClient(url, `/stream?symbols=${symbols.join(',')}&everyMs=${everyMs}`);
    client.socket.on('message', (data: Buffer) => {
      const message = JSON.parse(data.toString()) as Tick & { type: string };
      if (message.type === 'tick') onTick(message);
    });
    return client;
  },
};

describe('a client that reads too little', () => {
  it.each(
    ['websocket', 'polling', 'plain'].flatMap((kind) => [0, 250].map((everyMs) => [kind, everyMs] as const)),
  )(
    '[SL1][SL2][W3][PW5] over %s at %i ms: every value is fresh and truthfully merged',
    async (kind, everyMs) => {
      const under = await startReplica({
        FEEDS: `simulator:${symbols.join(',')}`,
        UPDATE_INTERVAL: '50',
      });
      const merges = createMergeCheck();
      const whole = createRawReader({ url: under.url, symbols, onTick: (tick) => merges.whole(tick) });
      onTestFinished(() => whole.close());
      await until(() => whole.messages() > 100);
      const line = await startTcpProxy({ to: under.port });
      onTestFinished(() => line.close());
      // Less than a third of what there is to read.
      line.suffer('down', { bytesPerSecond: everyMs === 0 ? 40_000 : 20_000 });
      const url = `http://127.0.0.1:${line.port}`;
      const ages: { at: number; ms: number }[] = [];
      const onTick = (tick: Tick): void => {
        ages.push({ at: performance.now(), ms: ageOf(tick) });
        merges.merged(tick, kind);
      };
      const client =
        kind === 'plain' ? connect.plain(url, everyMs, onTick) : connect.socketIo(url, kind, everyMs, onTick);
      onTestFinished(() => client.close());
      // Until then come ticks that were on their way before the line was known.
      const steadyAt = (): number => (ages[0]?.at ?? Infinity) + 3_000;
      const steady = (): number[] => ages.filter(({ at }) => at > steadyAt()).map(({ ms }) => ms);
      const enough = everyMs === 0 ? 500 : 200;
      await until(() => steady().length > enough, { withinMs: 20_000, saw: () => ages.length });
      expect(merges.faults()).toEqual([]);
      expect(merges.compared()).toBeGreaterThan(100);
      expect(client.faults()).toEqual([]);
      expect(part(steady(), 1)).toBeLessThan(1_000 + everyMs);
    },
  );
});
