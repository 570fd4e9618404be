/** Clients of every kind through Nginx, each watched for ticks that are lost, repeated or changed. */
import { expect, onTestFinished } from 'vitest';
import { createPayloadBook } from '../support/checks/payload-book.ts';
import { until } from '../support/until.ts';
import { createWatch, type Watch, type WatchOptions } from '../support/clients/watch.ts';

export const crowdSymbols = ['BTC-USD', 'AAPL', 'DEMO'];

const kinds = {
  'our stream': { kind: 'stream' },
  'stock client': { kind: 'stock' },
  'stock client with WebSocket only': { kind: 'stock', transports: ['websocket'] },
  'stock client with polling only': { kind: 'stock', transports: ['polling'] },
} satisfies Record<string, Pick<WatchOptions, 'kind' | 'transports'>>;

type Kind = keyof typeof kinds;
const kindNames = Object.keys(kinds) as Kind[];

export interface Crowd {
  readonly clients: readonly Watch[];
  /** The clients that are connected to that replica now. */
  at(node: string): Watch[];
  /** Adds clients until each kind has one at that replica. */
  cover(node: string): Promise<void>;
  /** Resolves when every client is subscribed and has had another tick. */
  allLive(withinMs?: number): Promise<void>;
  /** Asserts that no client saw a wrong tick, and that our streams missed none. */
  expectNothingLost(): void;
}

/** Connects so many clients of each kind; they close with the test. */
export function watchCrowd(url: string, ofEachKind: number): Crowd {
  const book = createPayloadBook();
  const clients: Watch[] = [];
  const kindOf = new Map<Watch, Kind>();

  function add(kind: Kind): void {
    const name = `${kind} ${clients.length}`;
    const watch = createWatch({ name, url, symbols: crowdSymbols, book, ...kinds[kind] });
    onTestFinished(() => watch.close());
    clients.push(watch);
    kindOf.set(watch, kind);
  }

  const at = (node: string): Watch[] => clients.filter(({ nodes }) => nodes.at(-1) === node);

  async function allLive(withinMs = 15_000): Promise<void> {
    await until(() => clients.every((client) => client.isLive()), {
      withinMs,
      saw: () => clients.filter((client) => !client.isLive()).map(({ name, nodes }) => ({ name, nodes })),
    });
    const counts = clients.map(({ check }) => check.counts().ticks);
    await until(() => clients.every(({ check }, index) => check.counts().ticks > (counts[index] ?? 0)));
  }

  for (let n = 0; n < ofEachKind; n++) for (const kind of kindNames) add(kind);
  return {
    clients,
    at,
    allLive,
    cover: async (node) => {
      for (;;) {
        await allLive();
        const present = new Set(at(node).map((watch) => kindOf.get(watch)));
        const missing = kindNames.filter((kind) => !present.has(kind));
        if (missing.length === 0) return;
        if (clients.length > 60) throw new Error(`No new ${missing.join(', ')} came to ${node}.`);
        for (const kind of missing) add(kind);
      }
    },
    expectNothingLost: () => {
      expect(
        clients.flatMap(({ name, check }) => check.faults().map((fault) => `${name}: ${fault}`)),
      ).toEqual([]);
      for (const { check } of clients.filter(({ kind }) => kind === 'stream'))
        expect(check.counts()).toMatchObject({ unrecovered: 0, gaps: 0 });
      expect(book.conflicts()).toEqual([]);
    },
  };
}
