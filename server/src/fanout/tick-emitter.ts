/**
 * Emits ticks to rooms, as `io.to(room).emit('tick', tick)` does and through the same adapter, without the operators and
 * sets that Socket.IO makes for each emit: a fifth of all that a turn of many ticks allocated (bench, 100 symbols a client).
 */
import type { Namespace } from 'socket.io';
import type { BroadcastOptions } from 'socket.io-adapter';
import type { Tick } from '../../protocol/index.ts';
import { eventPacket } from './tick-frames.ts';

/** Emits a tick and forgets it: who is in the room, and whether the tick reached other replicas, is not told here. */
export interface TickEmitter {
  /** To the room's members on every replica. */
  everywhere(room: string, tick: Tick): void;
  /** To those on this one. */
  here(room: string, tick: Tick): void;
}

/** Options are kept by room, of so many: those of a listed symbol are always the same. */
const maxKept = 20_000;

/** For the namespace whose adapter it is at each emit. */
export function createTickEmitter(nsp: Pick<Namespace, 'adapter' | 'name'>): TickEmitter {
  function emitter(flags: NonNullable<BroadcastOptions['flags']>): TickEmitter['here'] {
    const kept = new Map<string, BroadcastOptions>();
    return (room, tick) => {
      let options = kept.get(room);
      if (options === undefined) {
        if (kept.size >= maxKept) kept.clear();
        options = { rooms: new Set([room]), except: new Set(), flags };
        kept.set(room, options);
      }
      nsp.adapter.broadcast({ type: eventPacket, data: ['tick', tick], nsp: nsp.name }, options);
    };
  }
  return { everywhere: emitter({}), here: emitter({ local: true }) };
}
