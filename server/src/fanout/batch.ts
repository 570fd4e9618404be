/** What a turn hands to outlets: ticks with their frames, put together once for all who get the same. Knows no sockets. */
import type { PieceMemory } from './piece-memory.ts';
import { bytesOf, encodeTick, joined, type TickFrame } from './tick-frames.ts';

/** A tick on its way to everyone in its room, and how Socket.IO itself would give it to one socket. */
export interface Delivery extends TickFrame {
  readonly room: string;
  readonly deliverTo: (socket: { readonly id: string }) => void;
  /** The same for plain clients, made when the first of them needs it. */
  plain?: Delivery;
}

/** The delivery as plain clients get it, encoded once for all of them. */
export function plainOf(delivery: Delivery): Delivery {
  delivery.plain ??= { ...delivery, ...encodeTick(delivery.tick, 'plain') };
  return delivery.plain;
}

/** What a batch needs of the stage: names for pings that no other has, and where to put pieces together. */
export interface BatchStage {
  makePing(): number;
  readonly memory: PieceMemory;
}

/** What one turn made for one basket, put together once for all its outlets; with a ping behind it for those that ask. */
export class Batch {
  readonly deliveries: readonly Delivery[];
  readonly bytes: number;
  readonly #stage: BatchStage;
  #plain: Buffer | null = null;
  #asking: { piece: Buffer; ping: number } | null = null;

  constructor(deliveries: readonly Delivery[], stage: BatchStage) {
    this.deliveries = deliveries;
    this.bytes = bytesOf(deliveries);
    this.#stage = stage;
  }

  plain(): Buffer {
    this.#plain ??= joined(this.deliveries, this.bytes, { memory: this.#stage.memory });
    return this.#plain;
  }

  asking(): { piece: Buffer; ping: number } {
    if (this.#asking === null) {
      const { memory } = this.#stage;
      const ping = this.#stage.makePing();
      this.#asking = { piece: joined(this.deliveries, this.bytes, { ping, memory }), ping };
    }
    return this.#asking;
  }
}
