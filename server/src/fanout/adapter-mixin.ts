/**
 * The door of the fan-out: wraps any Socket.IO adapter so that ticks pass the sequencer before they reach sockets,
 * whether this node emitted them or another. Everything else is delivered as stock.
 *
 * Remote emits do not pass `broadcast` of a subclass, but all deliveries, ours and remote ones, call `_encode` and
 * then, in the same synchronous run, `apply` (socket.io-adapter 2.5). So `_encode` remembers the tick and `apply`
 * decides when it is delivered. Both are internals: `server/test/contracts` pins them. SPEC.md [F1].
 */
import type { BroadcastOptions } from 'socket.io-adapter';
import { tickRoom, type Tick } from '../../protocol/index.ts';
import type { AdapterClass, AdapterMixin } from '../backplane/contract.ts';
import { assert } from '../support/assert.ts';

/** Decides on a tick: calls `deliver` now, later, or never. */
export type TickGate = (tick: Tick, deliver: () => void) => void;

interface Internals {
  _encode(packet: Packet, options: object): unknown;
  apply(options: BroadcastOptions, callback: (socket: unknown) => void): void;
}

interface Packet {
  type: number;
  data?: unknown;
  id?: number;
}

type InternalsClass = new (...args: unknown[]) => Internals;

/** The packet type of an event in socket.io-protocol 5. */
const eventPacket = 2;

/** A mixin that sends every tick emitted to its own symbol's room through the gate. */
export function createTickMixin(gate: TickGate): AdapterMixin {
  return (base) => {
    const internals: Partial<Internals> = base.prototype;
    assert(
      typeof internals._encode === 'function' && typeof internals.apply === 'function',
      'the Socket.IO adapter has the methods _encode and apply',
    );
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- checked right above; the package's types hide both
    const Base = base as unknown as InternalsClass;
    class TickAdapter extends Base {
      /** What `_encode` saw and the next `apply`, in the same run, is about. */
      #encoded: Tick | null = null;

      override _encode(packet: Packet, options: object): unknown {
        const encoded = super._encode(packet, options);
        this.#encoded = tickOf(packet);
        return encoded;
      }

      override apply(options: BroadcastOptions, callback: (socket: unknown) => void): void {
        const tick = this.#encoded;
        this.#encoded = null;
        if (tick === null || !isForSymbolAlone(options, tick.symbol)) {
          super.apply(options, callback);
          return;
        }
        gate(tick, () => super.apply(options, callback));
      }
    }
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a subclass of `base`
    return TickAdapter as unknown as AdapterClass;
  };
}

/** The tick in a packet that is exactly one, and that no acknowledgement waits for. */
function tickOf(packet: Packet): Tick | null {
  if (packet.type !== eventPacket || packet.id !== undefined || !Array.isArray(packet.data)) return null;
  const [event, tick]: unknown[] = packet.data;
  return event === 'tick' && packet.data.length === 2 && isTick(tick) ? tick : null;
}

function isTick(value: unknown): value is Tick {
  if (typeof value !== 'object' || value === null) return false;
  const { symbol, gen, price, seq }: Partial<Record<keyof Tick, unknown>> = value;
  return (
    typeof symbol === 'string' &&
    typeof gen === 'string' &&
    typeof price === 'string' &&
    Number.isSafeInteger(seq)
  );
}

function isForSymbolAlone({ rooms, except }: BroadcastOptions, symbol: string): boolean {
  if (rooms.size !== 1 || (except !== undefined && except.size > 0)) return false;
  for (const room of rooms) return room === tickRoom(symbol);
  return false;
}
