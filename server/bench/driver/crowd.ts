/**
 * Clients of one server: opens them, a bounded number at a time, counts what they get and notices what is missing, came
 * twice or was not asked for. A first error of any client is the crowd's.
 */
import { Client } from './client.ts';
import type { CrowdRequest, Tally } from './driver-calls.ts';
import { follow, notAsked } from './heads.ts';
import { createTickReader, type SeenTick } from './tick-reader.ts';

type CrowdTally = Omit<Tally, 'lagP99' | 'busy'>;

/**
 * The clients of one request. What goes wrong with any of them rejects `opened` while they come, and every `arrive`
 * from then on.
 */
export interface Crowd {
  /** Resolves when everyone is there, with the milliseconds that it took. */
  readonly opened: Promise<number>;
  arrive(seq: number, withinMs: number): Promise<void>;
  tally(): CrowdTally;
  /** Ticks since the start, merged ones included. */
  seen(): number;
  /** The highest seq of any symbol at any client. */
  head(): number;
  stick(): void;
  close(): Promise<void>;
}

/** The age of a tick is counted in milliseconds up to this. */
const maxAgeMs = 60_000;

const emptyCounts = () => ({ ticks: 0, bytes: 0, merged: 0, gaps: 0, repeats: 0, strays: 0 });

interface Waiting {
  seq: number;
  /** Ticks up to `seq` that are still to come, over all clients and symbols. */
  missing: number;
  resolve: () => void;
  reject: (error: Error) => void;
}

/** Begins to open them. */
export function createCrowd(name: number, request: CrowdRequest, buffer: Buffer): Crowd {
  const { port, symbols, groups, parallel, awaitsSnapshot } = request;
  const reader = createTickReader(symbols);
  const clients: Client[] = [];
  const ages = new Uint32Array(maxAgeMs + 1);
  let counts = emptyCounts();
  let closed = 0;
  let seen = 0;
  let waiting: Waiting | null = null;
  let failure: Error | null = null;

  function fail(why: Error): void {
    failure ??= why;
    waiting?.reject(failure);
  }

  function onTick(client: Client, tick: SeenTick, size: number): void {
    const head = client.heads[tick.symbol] ?? notAsked;
    const age = Date.now() - tick.ts;
    count(ages, age);
    counts.ticks++;
    counts.bytes += size;
    counts.merged += tick.merged;
    seen += 1 + tick.merged;
    const place = follow(client.heads, tick);
    if (place !== 'next') counts[`${place}s`]++;
    if (place === 'stray' || place === 'repeat') return;
    if (waiting === null) return;
    waiting.missing -= Math.max(0, Math.min(tick.seq, waiting.seq) - Math.max(0, head));
    if (waiting.missing <= 0) waiting.resolve();
  }

  function open(): Promise<number> {
    const startedAt = performance.now();
    return new Promise((resolve, reject) => {
      let ready = 0;
      const next = (): void => {
        const index = clients.length;
        if (index === request.clients) return;
        clients.push(
          new Client({
            port,
            cid: `bench-${name}-${index}`,
            reader,
            symbols,
            group: groups[index % Math.max(1, groups.length)] ?? [],
            awaitsSnapshot,
            buffer,
            onReady: () => {
              ready++;
              if (ready === request.clients) resolve(performance.now() - startedAt);
              else next();
            },
            onTick,
            onClosed: (why) => {
              closed++;
              const error = why ?? new Error('a connection ended');
              fail(error);
              reject(error);
            },
          }),
        );
      };
      for (let i = 0; i < Math.min(parallel, request.clients); i++) next();
    });
  }

  function missingUpTo(seq: number): number {
    let missing = 0;
    for (const { heads } of clients)
      for (const head of heads) if (head !== notAsked) missing += Math.max(0, seq - Math.max(0, head));
    return missing;
  }

  async function arrive(seq: number, withinMs: number): Promise<void> {
    if (failure !== null) throw failure;
    const missing = missingUpTo(seq);
    if (missing === 0) return;
    let timer: NodeJS.Timeout | undefined;
    try {
      await new Promise<void>((resolve, reject) => {
        waiting = { seq, missing, resolve, reject };
        timer = setTimeout(
          () =>
            reject(new Error(`${missingUpTo(seq)} ticks up to ${seq} did not come within ${withinMs} ms`)),
          withinMs,
        );
      });
    } finally {
      clearTimeout(timer);
      waiting = null;
    }
  }

  return {
    opened: open(),
    arrive,
    tally: () => {
      const tally = { ...counts, closed, ageP50: quantile(ages, 0.5), ageP99: quantile(ages, 0.99) };
      counts = emptyCounts();
      ages.fill(0);
      return tally;
    },
    seen: () => seen,
    head: () => clients.reduce((most, { heads }) => heads.reduce((a, b) => Math.max(a, b), most), 0),
    stick: () => {
      for (const client of clients) client.stick();
    },
    close: async () => {
      await Promise.all(clients.map((client) => client.close()));
    },
  };
}

/** Notes one value, a whole number after rounding down; what is out of the range is at its end. */
export function count(counts: Uint32Array, value: number): void {
  const place = Math.min(counts.length - 1, Math.max(0, Math.floor(value)));
  counts[place] = (counts[place] ?? 0) + 1;
}

/**
 * The value that this share of the values does not exceed. `counts` holds how often each whole number came; between two whole
 * numbers the values are taken for evenly spread.
 */
export function quantile(counts: Uint32Array, share: number): number {
  const wanted = share * counts.reduce((sum, times) => sum + times, 0);
  let seen = 0;
  for (const [value, times] of counts.entries()) {
    if (times > 0 && seen + times >= wanted) return value + (wanted - seen) / times;
    seen += times;
  }
  return 0;
}
