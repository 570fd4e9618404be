/**
 * What waits for one client that does not keep up: of each symbol the newest tick, merged with those that it stands for.
 * Who waits longest comes first. Knows no sockets and no limits. Keeps SPEC.md [SL2].
 */
import { mergeTicks, type Tick } from '../../protocol/index.ts';
import { encodeTick, type Dialect, type TickFrame } from './tick-frames.ts';

interface Held {
  tick: Tick;
  /** Null after a merge: it is encoded when it is its turn. */
  frame: TickFrame | null;
}

/**
 * Holds one tick a symbol, so a client's symbols are the bound of what waits for it. A tick of another generation takes the place
 * of the one before and is not merged with it.
 */
export class HeldTicks {
  readonly #bySymbol = new Map<string, Held>();
  readonly #dialect: Dialect;

  constructor(dialect: Dialect) {
    this.#dialect = dialect;
  }

  get size(): number {
    return this.#bySymbol.size;
  }

  /** True where it was merged into the symbol's older one, whose place it keeps. */
  hold(frame: TickFrame): boolean {
    const { tick } = frame;
    const older = this.#bySymbol.get(tick.symbol);
    if (older === undefined || older.tick.gen !== tick.gen) {
      this.#bySymbol.set(tick.symbol, { tick, frame });
      return false;
    }
    older.tick = mergeTicks(older.tick, tick);
    older.frame = null;
    return true;
  }

  forget(symbol: string): void {
    this.#bySymbol.delete(symbol);
  }

  /** Takes out that symbol's, or all. */
  take(symbol?: string): TickFrame[] {
    const taken: TickFrame[] = [];
    for (const [name, held] of this.#bySymbol) {
      if (symbol !== undefined && name !== symbol) continue;
      this.#bySymbol.delete(name);
      taken.push(held.frame ?? encodeTick(held.tick, this.#dialect));
    }
    return taken;
  }

  /** Takes out the first ones, until `fits` says no to the bytes of all so far; the first of all is not asked for if `alone`. */
  takeFitting(fits: (bytes: number) => boolean, alone: boolean): { frames: TickFrame[]; bytes: number } {
    const frames: TickFrame[] = [];
    let bytes = 0;
    for (const [symbol, held] of this.#bySymbol) {
      held.frame ??= encodeTick(held.tick, this.#dialect);
      const more = bytes + held.frame.bytes;
      if (!(alone && frames.length === 0) && !fits(more)) break;
      this.#bySymbol.delete(symbol);
      frames.push(held.frame);
      bytes = more;
    }
    return { frames, bytes };
  }
}
