/**
 * The adapter hook of the fan-out: wraps any Socket.IO adapter, so that the stage learns of rooms before and after they change, and
 * of other emits to tick rooms before they are delivered. All emits are delivered as stock; ticks of the log do not come this way.
 *
 * All deliveries, ours and remote ones, call `_encode` and then, in the same step, `apply` (socket.io-adapter 2.5). Both are internals:
 * `server/test/contracts` pins them.
 * SPEC.md [F1], [F4], [F5].
 */
import type { BroadcastOptions } from 'socket.io-adapter';
import { isTickRoom } from '../../protocol/index.ts';
import type { AdapterClass, AdapterMixin } from '../backplane/contract.ts';
import { assert } from '../support/assert.ts';

/** What the stage does when rooms change and when something else is emitted. */
export interface AdapterListener {
  /** Something is about to go to these rooms, some of which are tick rooms. */
  beforeOther: (rooms: ReadonlySet<string>) => void;
  /** And it is about to go to that socket, or that socket is about to change rooms or to be disconnected. */
  beforeOtherTo: (socketId: string) => void;
  /** The socket is in the namespace now. Rooms that it joined earlier, in a middleware, follow as joined. */
  onOpened: (socketId: string) => void;
  onJoined: (socketId: string, room: string) => void;
  onLeft: (socketId: string, room: string) => void;
  onGone: (socketId: string) => void;
}

interface Internals {
  readonly nsp: { readonly name: string };
  readonly sids: ReadonlyMap<string, ReadonlySet<string>>;
  _encode(packet: Packet, options: unknown): unknown[];
  apply(options: BroadcastOptions, callback: (socket: { readonly id: string }) => void): void;
  addAll(id: string, rooms: Set<string>): Promise<void> | void;
  del(id: string, room: string): Promise<void> | void;
  delAll(id: string): void;
}

interface Packet {
  data?: unknown;
}

type InternalsClass = new (...args: unknown[]) => Internals;

/** A mixin that tells the listener what happens to tick rooms in the default namespace. */
export function createAdapterHook(listener: AdapterListener): AdapterMixin {
  return (base) => {
    const internals: Partial<Internals> = base.prototype;
    assert(
      typeof internals._encode === 'function' && typeof internals.apply === 'function',
      'the Socket.IO adapter has the methods _encode and apply',
    );
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- checked right above; the package's types hide it
    const Base = base as unknown as InternalsClass;
    class TickAdapter extends Base {
      /** Ticks are in the default namespace only. */
      readonly #isOurs: boolean;
      /** The packet that was just encoded, to be applied in the same step. */
      #packet: 'none' | 'tick' | 'other' = 'none';

      constructor(...args: unknown[]) {
        super(...args);
        this.#isOurs = this.nsp.name === '/';
      }

      override _encode(packet: Packet, options: unknown): unknown[] {
        this.#packet = isTick(packet) ? 'tick' : 'other';
        return super._encode(packet, options);
      }

      override apply(options: BroadcastOptions, callback: (socket: { readonly id: string }) => void): void {
        const packet = this.#packet;
        this.#packet = 'none';
        const isForTicks = this.#isOurs && hasTickRoom(options.rooms);
        // Ticks come from the log only. One of another program, or of an earlier version, would break the order of its symbol.
        if (isForTicks && packet === 'tick') return;
        if (isForTicks) listener.beforeOther(options.rooms);
        // Without a packet these sockets change rooms, or are disconnected.
        if (!isForTicks && (!this.#isOurs || packet !== 'none')) super.apply(options, callback);
        else
          super.apply(options, (socket) => {
            listener.beforeOtherTo(socket.id);
            callback(socket);
          });
      }

      override addAll(id: string, rooms: Set<string>): Promise<void> | void {
        if (!this.#isOurs) return super.addAll(id, rooms);
        const done = super.addAll(id, rooms);
        // Socket.IO's own first join, of the room that has the socket's name, comes after those of a middleware.
        const isOpened = rooms.has(id);
        if (isOpened) listener.onOpened(id);
        for (const room of (isOpened ? this.sids.get(id) : rooms) ?? []) {
          if (isTickRoom(room)) listener.onJoined(id, room);
        }
        return done;
      }

      override del(id: string, room: string): Promise<void> | void {
        if (!this.#isOurs || !isTickRoom(room)) return super.del(id, room);
        const done = super.del(id, room);
        listener.onLeft(id, room);
        return done;
      }

      override delAll(id: string): void {
        super.delAll(id);
        if (this.#isOurs) listener.onGone(id);
      }
    }
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a subclass of `base`
    return TickAdapter as unknown as AdapterClass;
  };
}

/** Whether the packet claims a place in the order of a symbol. */
function isTick({ data }: Packet): boolean {
  if (!Array.isArray(data) || data[0] !== 'tick') return false;
  const payload: unknown = data[1];
  return typeof payload === 'object' && payload !== null && 'gen' in payload && 'seq' in payload;
}

function hasTickRoom(rooms: ReadonlySet<string>): boolean {
  for (const room of rooms) if (isTickRoom(room)) return true;
  return false;
}
