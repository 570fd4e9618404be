/** Where ws does not write prepared frames, delivery is stock: with a warning, in order, and nothing is lost. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { bundleProgram } from '../support/bundle-program.ts';
import { until } from '../support/until.ts';
import { coverage, openDeliveryClient } from './delivery-client.ts';
import type { ScriptName } from './delivery-scripts.ts';
import type { FallbackReport } from './stock-fallback-program.ts';

let program: { path: string; remove: () => void };

beforeAll(async () => {
  program = await bundleProgram('server/test/contracts/stock-fallback-program.ts');
});
afterAll(() => program.remove());

async function start() {
  const child = fork(program.path, { serialization: 'advanced' });
  onTestFinished(async () => {
    const ended = once(child, 'exit');
    child.disconnect();
    await ended;
  });
  const reports: FallbackReport[] = [];
  child.on('message', (report: FallbackReport) => void reports.push(report));
  const first = await until(() => reports[0], { withinMs: 10_000 });
  if (first.type !== 'listening') throw new Error('the program listens first');
  let runs = 0;
  return {
    ...first,
    run: async (script: ScriptName): Promise<unknown[]> => {
      runs++;
      child.send(script);
      const report = await until(() => reports[runs], { withinMs: 10_000 });
      return report.type === 'ran' ? report.notes : [];
    },
  };
}

describe('a ws without Sender.prototype.sendFrame', () => {
  it('[F4] is warned of once; ticks go out by Socket.IO itself, in order, and nothing is lost', async () => {
    const { url, warnings, run } = await start();
    expect(warnings).toEqual([
      expect.objectContaining({ level: 'warn', missing: ['ws: Sender.prototype.sendFrame'] }),
    ]);
    const clients = await Promise.all(
      [['websocket'], ['polling'], ['polling', 'websocket']].map((transports, index) =>
        openDeliveryClient(url, {
          name: ['ws-0', 'poll-0', 'up-0'][index] ?? '',
          node: 0,
          rooms: ['tick:A', 'tick:B'],
          early: [],
          transports,
        }),
      ),
    );
    onTestFinished(() => clients.forEach((client) => client.close()));
    await run('more than a client takes at once');
    const [webSocket] = clients;
    await until(() =>
      clients.every((client) => client.ticks().some(({ symbol, seq }) => symbol === 'A' && seq === 3_000)),
    );
    expect(
      webSocket?.ticks().some(({ merged }) => merged !== undefined),
      'nothing is merged on a WebSocket',
    ).toBe(false);
    await until(() => clients.every((client) => coverage(client)['tick of B']?.length === 1_000));
    for (const client of clients)
      expect(coverage(client)).toEqual({
        'tick of A': Array.from({ length: 3_000 }, (_, index) => index + 1),
        'tick of B': Array.from({ length: 1_000 }, (_, index) => index + 1),
      });
    const [[, writes] = []] = (await run('one write for each turn')) as [string, number][];
    expect(writes, 'each tick’s header and payload are written for themselves').toBe(240);
  });
});
