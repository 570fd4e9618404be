/**
 * The door of the fan-out: wraps any Socket.IO adapter so that ticks leave by the stage, whether this node emitted them or
 * another, and so that it hears of rooms before and after they change. Everything else is delivered as stock.
 *
 * Remote emits do not pass `broadcast` of a subclass, but all deliveries, ours and remote ones, call `_encode` and
 * then, in the same synchronous run, `apply` (socket.io-adapter 2.5). So `_encode` remembers the tick and `apply`
 * hands it over. Both are internals: `server/test/contracts` pins them. SPEC.md [F1].
 */
import type { BroadcastOptions } from 'socket.io-adapter';
import { isTickRoom, symbolOfRoom, type Tick } from '../../protocol/index.ts';
import type { AdapterClass, AdapterMixin } from '../backplane/contract.ts';
import { assert } from '../support/assert.ts';
import type { Delivery } from './batch.ts';
import { encodeTick, eventPacket, type TickFrame } from './tick-frames.ts';

/** What the stage does with what comes by. */
export interface DoorKeeper {
  /** A tick was emitted to its room, alone and without conditions. */
  onTick: (delivery: Delivery) => void;
  /** Something else is about to go to a tick room, or rooms are about to change. */
  beforeOther: () => void;
  /** And that something, or change, is about to be the socket's. */
  beforeOtherTo: (socketId: string) => void;
  /** The socket is in the namespace now. Rooms that it joined earlier, in a middleware, follow as joined. */
  onOpened: (socketId: string) => void;
  onJoined: (socketId: string, room: string) => void;
  onLeft: (socketId: string, room: string) => void;
  onGone: (socketId: string) => void;
}

interface EncodeOptions {
  wsPreEncodedFrame?: Buffer[];
}

interface Internals {
  readonly nsp: { readonly name: string };
  readonly sids: ReadonlyMap<string, ReadonlySet<string>>;
  _encode(packet: Packet, options: EncodeOptions): unknown[];
  apply(options: BroadcastOptions, callback: (socket: { readonly id: string }) => void): void;
  addAll(id: string, rooms: Set<string>): Promise<void> | void;
  del(id: string, room: string): Promise<void> | void;
  delAll(id: string): void;
}

interface Packet {
  type: number;
  data?: unknown;
  id?: number;
  nsp?: string;
}

type InternalsClass = new (...args: unknown[]) => Internals;

/** A mixin that gives every tick emitted to its own symbol's room to the keeper, once. */
export function createDoor(keeper: DoorKeeper): AdapterMixin {
  return (base) => {
    const internals: Partial<Internals> = base.prototype;
    assert(
      typeof internals._encode === 'function' && typeof internals.apply === 'function',
      'the Socket.IO adapter has the methods _encode and apply',
    );
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- checked right above; the package's types hide both
    const Base = base as unknown as InternalsClass;
    class TickAdapter extends Base {
      /** What `_encode` saw and the next `apply`, in the same run, is about; null where that is no delivery. */
      #encoded: TickFrame | 'other' | null = null;

      /** Ticks are in the default namespace alone. */
      readonly #isOurs: boolean;

      constructor(...args: unknown[]) {
        super(...args);
        this.#isOurs = this.nsp.name === '/';
      }

      override _encode(packet: Packet, options: EncodeOptions): unknown[] {
        const tick = this.#isOurs ? tickOf(packet) : null;
        this.#encoded = tick === null ? 'other' : encodeTick(tick);
        if (this.#encoded === 'other') return super._encode(packet, options);
        options.wsPreEncodedFrame = [this.#encoded.frame];
        return [this.#encoded.text];
      }

      override apply(options: BroadcastOptions, callback: (socket: { readonly id: string }) => void): void {
        const encoded = this.#encoded;
        this.#encoded = null;
        const room = onlyRoom(options);
        if (
          encoded !== null &&
          encoded !== 'other' &&
          room !== null &&
          options.flags?.volatile !== true &&
          symbolOfRoom(room) === encoded.tick.symbol
        ) {
          const { tick, text, frame } = encoded;
          keeper.onTick({ tick, text, frame, room, deliverTo: callback });
          return;
        }
        // Without a packet it is a look, or a change: who leaves or is disconnected gets what was emitted before.
        if (!this.#isOurs || (encoded === 'other' && !touchesTickRoom(options))) {
          super.apply(options, callback);
          return;
        }
        keeper.beforeOther();
        super.apply(options, (socket) => {
          keeper.beforeOtherTo(socket.id);
          callback(socket);
        });
      }

      override addAll(id: string, rooms: Set<string>): Promise<void> | void {
        if (!this.#isOurs) return super.addAll(id, rooms);
        if (hasTickRoom(rooms)) keeper.beforeOther();
        const done = super.addAll(id, rooms);
        // Socket.IO's own first join, of the room that has the socket's name, comes after those of a middleware.
        const isOpened = rooms.has(id);
        if (isOpened) keeper.onOpened(id);
        for (const room of (isOpened ? this.sids.get(id) : rooms) ?? []) {
          if (isTickRoom(room)) keeper.onJoined(id, room);
        }
        return done;
      }

      override del(id: string, room: string): Promise<void> | void {
        if (!this.#isOurs || !isTickRoom(room)) return super.del(id, room);
        keeper.beforeOther();
        const done = super.del(id, room);
        keeper.onLeft(id, room);
        return done;
      }

      override delAll(id: string): void {
        super.delAll(id);
        if (this.#isOurs) keeper.onGone(id);
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
  if (!isRecord(value) || !isFlat(value)) return false;
  const { symbol, gen, price, seq }: Partial<Record<keyof Tick, unknown>> = value;
  return (
    typeof symbol === 'string' &&
    typeof gen === 'string' &&
    typeof price === 'string' &&
    Number.isSafeInteger(seq)
  );
}

/** Whether there is nothing in it but texts and numbers, and `day` of the same: binary takes Socket.IO's own encoder. */
function isFlat(value: Readonly<Record<string, unknown>>): boolean {
  // Without a list of its entries: this is looked at for each tick.
  for (const key in value) {
    const part = value[key];
    if (typeof part === 'object' && (key !== 'day' || !isRecord(part) || !isFlat(part))) return false;
  }
  return true;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

/** The one room that is meant, or null where there are several, or sockets are left out. */
function onlyRoom({ rooms, except }: BroadcastOptions): string | null {
  if (rooms.size !== 1 || (except !== undefined && except.size > 0)) return null;
  for (const room of rooms) return room;
  return null;
}

function touchesTickRoom({ rooms }: BroadcastOptions): boolean {
  return hasTickRoom(rooms);
}

function hasTickRoom(rooms: ReadonlySet<string>): boolean {
  for (const room of rooms) if (isTickRoom(room)) return true;
  return false;
}
