/** What each (generation, symbol, seq) was seen to be, wherever it was seen, so that two payloads of one name come out. */
import type { Quote, Tick } from '../../../protocol/index.ts';

/** A name, the payload, and the size where it is the tick's own: a merged tick's covers others. */
export type BookEntry = [name: string, payload: string, size: string | null];

/** One for each process of a test, whichever of its clients saw it; the entries of others are taken into it. */
export interface PayloadBook {
  /** A tick or a quote, at that client or in the store. */
  saw(seen: Tick | Quote, where: string): void;
  /** What another book saw, of another process. */
  take(entries: readonly BookEntry[], where: string): void;
  /** Everything that is new since the last call. */
  drain(): BookEntry[];
  /** Names that had two payloads, and payloads that came under two names of one symbol and generation, in words. */
  conflicts(): string[];
  /** How many names it knows. */
  size(): number;
  /** The payload of a name, `price at ts`. */
  payloadOf(name: string): string | undefined;
}

const nameOf = ({ gen, symbol, seq }: Pick<Tick, 'gen' | 'symbol' | 'seq'>): string =>
  `${gen} ${symbol} ${seq}`;

/** Conflicts are told up to this many; one is a failure already. */
const maxConflicts = 50;

/** A book that saw nothing yet. It keeps everything for good, since a second payload may come at any time. */
export function createPayloadBook(): PayloadBook {
  const payloads = new Map<string, string>();
  const sizes = new Map<string, string>();
  /** By generation, symbol and payload: a source gives each tick a `ts` of its own. */
  const names = new Map<string, string>();
  const conflicts: string[] = [];
  let news: BookEntry[] = [];

  function conflict(text: string): void {
    if (conflicts.length < maxConflicts) conflicts.push(text);
  }

  function enter([name, payload, size]: BookEntry, where: string): void {
    const known = payloads.get(name);
    if (known === undefined) {
      payloads.set(name, payload);
      const key = `${name.slice(0, name.lastIndexOf(' '))} ${payload}`;
      const other = names.get(key);
      if (other !== undefined) conflict(`[I3] ${payload} is ${other} and ${name}: counted twice`);
      names.set(key, name);
    } else if (known !== payload) conflict(`[I3] ${name} is ${payload} at ${where} and ${known} elsewhere`);
    const knownSize = sizes.get(name);
    if (size !== null && knownSize === undefined) sizes.set(name, size);
    else if (size !== null && knownSize !== size)
      conflict(`[I3] ${name} has size ${size} at ${where} and ${knownSize} elsewhere`);
    if (known === undefined || (size !== null && knownSize === undefined)) news.push([name, payload, size]);
  }

  return {
    saw: (seen, where) => {
      // The price of an earlier generation, shown until the first tick of this one.
      if (seen.seq === 0) return;
      const own = !('merged' in seen) && !('stale' in seen);
      enter([nameOf(seen), `${seen.price} at ${seen.ts}`, own ? (seen.size ?? '') : null], where);
    },
    take: (entries, where) => {
      for (const entry of entries) enter(entry, where);
    },
    drain: () => {
      const taken = news;
      news = [];
      return taken;
    },
    conflicts: () => [...conflicts],
    size: () => payloads.size,
    payloadOf: (name) => payloads.get(name),
  };
}
