/** Where ws does not write prepared frames, delivery is stock: with a warning, in order, and nothing is lost. */
import { Adapter } from 'socket.io-adapter';
import { beforeAll, expect, it, onTestFinished } from 'vitest';
import * as ws from 'ws';
import { createLog } from '../../src/support/log.ts';
import { until } from '../support/until.ts';
import { coverage, openDeliveryClient } from './delivery-client.ts';
import { adapterOver, openDeliveryNode } from './delivery-node.ts';

const { Sender } = ws as unknown as { Sender: { prototype: Record<string, unknown> } };

/** ws writes by `sendFrame` itself: here it has another name between the calls of ws, as another version may have. */
beforeAll(() => {
  const { sendFrame } = Sender.prototype;
  const senders = ['close', 'ping', 'pong', 'send', 'dispatch', 'getBlobData'].flatMap((method) => {
    const own = Sender.prototype[method];
    return typeof own === 'function' ? [[method, own] as const] : [];
  });
  Sender.prototype['sendFrame'] = undefined;
  for (const [method, own] of senders)
    Sender.prototype[method] = function (this: Record<string, unknown>, ...args: unknown[]): unknown {
      const isFirst = this['sendFrame'] === undefined;
      if (isFirst) this['sendFrame'] = sendFrame;
      try {
        return own.apply(this, args);
      } finally {
        if (isFirst) delete this['sendFrame'];
      }
    };
  return () => void Object.assign(Sender.prototype, Object.fromEntries(senders), { sendFrame });
});

it('[F4] without Sender.prototype.sendFrame is warned of once; ticks go out by Socket.IO itself, in order, and nothing is lost', async () => {
  const warnings: unknown[] = [];
  const node = await openDeliveryNode({
    isCoalesced: true,
    log: createLog({
      level: 'warn',
      node: 'fallback',
      destination: { write: (line) => void warnings.push(JSON.parse(line)) },
    }),
    adapter: adapterOver(Adapter),
  });
  onTestFinished(() => node.close());
  expect(warnings).toEqual([
    expect.objectContaining({ level: 'warn', missing: ['ws: Sender.prototype.sendFrame'] }),
  ]);
  const clients = await Promise.all(
    [['websocket'], ['polling'], ['polling', 'websocket']].map((transports, index) =>
      openDeliveryClient(node.url, {
        name: ['ws-0', 'poll-0', 'up-0'][index] ?? '',
        node: 0,
        rooms: ['tick:A', 'tick:B'],
        early: [],
        transports,
      }),
    ),
  );
  onTestFinished(() => clients.forEach((client) => client.close()));
  await node.run('more than a client takes at once');
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
  await node.run('one write for each turn');
  expect(await node.notes(), 'each tick’s header and payload are written for themselves').toEqual([
    ['writes', 240],
  ]);
});
