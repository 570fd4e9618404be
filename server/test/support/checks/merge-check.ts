/**
 * Whether merged ticks tell the truth: beside every tick as it was, each merged one must have the highs, lows and sizes of all that it
 * stands for. SPEC.md [W3].
 */
import { addDecimals, compareDecimals, maxDecimal, minDecimal, type Tick } from '../../../protocol/index.ts';

/** Collects ticks from everywhere and compares them at the end. */
export interface MergeCheck {
  /** A tick that was seen by itself. */
  whole(tick: Tick): void;
  /** A tick that stands for others too; one that does not is passed over. */
  merged(tick: Tick, where: string): void;
  /** Merged ticks of which every part was seen. */
  compared(): number;
  /** What does not add up, in words. Looks at all that was handed in, so it is asked once, at the end. */
  faults(): string[];
}

/** Order does not matter: a slow client may be ahead of who watches the whole. */
export function createMergeCheck(): MergeCheck {
  const wholes = new Map<string, Tick>();
  const seen: { tick: Tick; where: string }[] = [];
  let compared = 0;

  const nameOf = ({ symbol, gen }: Tick, seq: number): string => `${gen} ${symbol} ${seq}`;

  function partsOf(tick: Tick): Tick[] {
    const parts: Tick[] = [];
    for (let seq = tick.seq - (tick.merged ?? 0); seq <= tick.seq; seq++) {
      const part = wholes.get(nameOf(tick, seq));
      // A tick that states its day's figures says what it covers by those.
      if (part === undefined || part.day !== undefined) return [];
      parts.push(part);
    }
    return parts;
  }

  function faultOf(tick: Tick): string | null {
    const parts = partsOf(tick);
    const [first, last] = [parts[0], parts.at(-1)];
    if (first === undefined || last === undefined) return null;
    compared += 1;
    const high = parts.map((part) => part.high ?? part.price).reduce(maxDecimal);
    const low = parts.map((part) => part.low ?? part.price).reduce(minDecimal);
    const sizes = parts.flatMap(({ size }) => size ?? []);
    const size = sizes.length === 0 ? undefined : sizes.reduce(addDecimals);
    const same = (a: string, b: string | undefined): boolean =>
      b !== undefined && compareDecimals(a, b) === 0;
    if (tick.price !== last.price || tick.ts !== last.ts) return `is not ${last.price} at ${last.ts}`;
    if (!same(high, tick.high) || !same(low, tick.low)) return `does not span ${low} to ${high}`;
    if (size === undefined ? tick.size !== undefined : !same(size, tick.size))
      return `is not of size ${size}`;
    return null;
  }

  return {
    whole: (tick) => {
      if (tick.merged === undefined) wholes.set(nameOf(tick, tick.seq), tick);
    },
    merged: (tick, where) => {
      if (tick.merged !== undefined) seen.push({ tick, where });
    },
    compared: () => compared,
    faults: () => {
      compared = 0;
      return seen
        .flatMap(({ tick, where }) => {
          const fault = faultOf(tick);
          return fault === null ? [] : [`[W3] at ${where} ${JSON.stringify(tick)} ${fault}`];
        })
        .slice(0, 20);
    },
  };
}
