import { expect, it } from 'vitest';
import { createManualClock } from '../../test/support/stand-ins/manual-clock.ts';
import { processLoad } from '../support/process-load.ts';
import { createNodeDetails } from './node-details.ts';

function setUp() {
  const clock = createManualClock();
  const traffic = { sent: 0, received: 0 };
  const counters = { arrived: 0, deliveries: 0, conflated: 0, direct: 0, behind: 4 };
  const byRoom = new Map([
    ['tick:BTC-USD', 3],
    ['tick:BTC-USD@1000', 2],
    ['tick:AAPL', 1],
    ['user:ann', 1],
  ]);
  const details = createNodeDetails({
    clock,
    load: { ...processLoad, memory: () => ({ rssBytes: 2, heapBytes: 1 }), busySince: () => 0.25 },
    traffic,
    fanout: { counters: () => counters, clientsByRoom: () => byRoom },
    now: () => ({ plain: 7, backplane: 'up', feed: 'live' }),
  });
  return { clock, traffic, counters, details };
}

it('[CS5] are who has which symbol at which rate, and what was written over the last second', async () => {
  const { clock, traffic, counters, details } = setUp();
  await clock.advance(60_000);
  Object.assign(counters, { arrived: 100, deliveries: 1_000, conflated: 10, direct: 900 });
  Object.assign(traffic, { sent: 100, received: 5 });
  await clock.advance(1_000);
  expect(details.read()).toEqual({
    symbols: { 'BTC-USD': { 0: 3, 1000: 2 }, AAPL: { 0: 1 } },
    plain: 7,
    slowClients: 4,
    perSecond: { ticksIn: 100, ticksOut: 1_000, merged: 10, messagesIn: 5, messagesOut: 1_000 },
    memory: { rssBytes: 2, heapBytes: 1 },
    eventLoop: { lagMs: 0, busy: 0.25 },
    backplane: 'up',
    feed: 'live',
  });
  await clock.advance(2_000);
  expect(details.read().perSecond).toMatchObject({ ticksIn: 0, messagesOut: 0 });
});

it('[CS5] tell by how much the event loop was held up, for a second', async () => {
  const { clock, details } = setUp();
  await clock.advance(1_000);
  await clock.holdUp(900);
  expect(details.read().eventLoop.lagMs).toBe(650);
  await clock.advance(2_000);
  expect(details.read().eventLoop.lagMs).toBe(0);
});
