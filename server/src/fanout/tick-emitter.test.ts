import { Server } from 'socket.io';
import { Adapter, type BroadcastOptions } from 'socket.io-adapter';
import { expect, it } from 'vitest';
import type { Tick } from '../../protocol/index.ts';
import { createTickEmitter } from './tick-emitter.ts';

/** A namespace, and what its adapter was asked to broadcast. */
function setUp() {
  const asked: { packet: unknown; options: BroadcastOptions }[] = [];
  class AskedAdapter extends Adapter {
    override broadcast(packet: unknown, options: BroadcastOptions): void {
      asked.push({ packet: structuredClone(packet), options: structuredClone(options) });
      super.broadcast(packet, options);
    }
  }
  const nsp = new Server({ adapter: AskedAdapter }).of('/');
  return { nsp, asked, emitter: createTickEmitter(nsp) };
}

const tick: Tick = { symbol: 'BTC-USD', gen: 'gen001', seq: 7, price: '1.50', ts: 0 };

it("[F3] asks the adapter for what Socket.IO's own emit asks it for", () => {
  const { nsp, asked, emitter } = setUp();
  nsp.to('tick:BTC-USD').emit('tick', tick);
  nsp.local.to('tick:BTC-USD').emit('tick', tick);
  const stock = asked.splice(0);
  for (let times = 0; times < 2; times++) {
    emitter.everywhere('tick:BTC-USD', tick);
    emitter.here('tick:BTC-USD', tick);
    expect(asked.splice(0)).toEqual(
      stock.map(({ packet, options }) => ({ packet: { ...(packet as object), nsp: '/' }, options })),
    );
  }
});

it('keeps the rooms apart', () => {
  const { asked, emitter } = setUp();
  for (const room of ['tick:A', 'tick:B', 'tick:A']) emitter.everywhere(room, tick);
  expect(asked.map(({ options }) => [...options.rooms])).toEqual([['tick:A'], ['tick:B'], ['tick:A']]);
});
