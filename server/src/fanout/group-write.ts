/** What one turn of the event loop writes to a group of clients: its ticks, put together once. Knows no sockets. */
import type { PieceMemory } from './piece-memory.ts';
import { bytesOf, joined, type TickFrame } from './tick-frames.ts';

/** What a write needs of the stage: names for pings that no other has, and where to put pieces together. */
export interface WriteStage {
  makePing(): number;
  readonly memory: PieceMemory;
}

/** The frames of one turn for one group, with a ping behind them for the clients that are asked to answer. */
export class GroupWrite {
  readonly frames: readonly TickFrame[];
  readonly bytes: number;
  readonly #stage: WriteStage;
  #plain: Buffer | null = null;
  #asking: { piece: Buffer; ping: number } | null = null;

  constructor(frames: readonly TickFrame[], stage: WriteStage) {
    this.frames = frames;
    this.bytes = bytesOf(frames);
    this.#stage = stage;
  }

  plain(): Buffer {
    this.#plain ??= joined(this.frames, this.bytes, { memory: this.#stage.memory });
    return this.#plain;
  }

  asking(): { piece: Buffer; ping: number } {
    if (this.#asking === null) {
      const { memory } = this.#stage;
      const ping = this.#stage.makePing();
      this.#asking = { piece: joined(this.frames, this.bytes, { ping, memory }), ping };
    }
    return this.#asking;
  }
}
