/**
 * The log as it lies in Redis, read past the server's calls: its epoch and generation over time (I1), and its quotes and batches. Knows
 * the key names of backplane/redis/keys.ts.
 */
import { createClient, RESP_TYPES } from 'redis';
import type { Tick } from '../../../protocol/index.ts';
import { createBatchMessages } from '../../../src/backplane/redis/batch-messages.ts';
import { Batch } from '../../../src/log/batch.ts';
import type { StoredQuote } from '../../../src/log/contract.ts';
import type { Head } from './client-check.ts';

/** Comes back by itself; a command that is sent meanwhile fails at once. */
function makeClient(url: string) {
  return createClient({
    url,
    disableOfflineQueue: true,
    commandOptions: { timeout: 0 },
    socket: { reconnectStrategy: 50 },
  });
}

/** A view of one prefix in Redis. Its reads reject while Redis is away; its looks go on by themselves. */
export interface StoreView {
  readonly client: ReturnType<typeof makeClient>;
  /** Where each symbol is now. */
  heads(): Promise<Map<string, Head>>;
  /** Every tick of the batches that are kept. */
  history(): Promise<Tick[]>;
  /** Falls of the epoch within a generation so far, in words. */
  faults(): string[];
  /** How many times it looked. */
  looks(): number;
  /** Generations that were seen, in order. */
  generations(): string[];
  close(): void;
}

interface StoreViewOptions {
  url: string;
  prefix: string;
  /** Between two looks at generation and epoch. */
  everyMs?: number;
}

/** Looks as often as Redis lets it; an outage of Redis is no fault here. */
export async function openStoreView(options: StoreViewOptions): Promise<StoreView> {
  const { url, prefix, everyMs = 50 } = options;
  const client = makeClient(url);
  // An outage is looked at again, and is no fault.
  client.on('error', () => {});
  await client.connect();
  const keyOf = (name: string): string => `${prefix}:{${prefix}}:log:${name}`;
  const messages = createBatchMessages('');
  let last: { gen: string; epoch: number } | null = null;
  const generations: string[] = [];
  const faults: string[] = [];
  let looks = 0;
  let looking = false;

  async function look(): Promise<void> {
    if (looking || !client.isReady) return;
    looking = true;
    try {
      const [gen, epoch] = await client.hmGet(keyOf('meta'), ['gen', 'epoch']);
      if (typeof gen === 'string') {
        if (last?.gen === gen && Number(epoch) < last.epoch)
          faults.push(`[I1] the epoch of ${gen} fell from ${last.epoch} to ${epoch}`);
        if (last?.gen !== gen) {
          if (generations.includes(gen)) faults.push(`[I1] generation ${gen} came back`);
          generations.push(gen);
        }
        last = { gen, epoch: Number(epoch) };
      }
      looks += 1;
    } catch {
      // Redis is away, and looked at again.
    } finally {
      looking = false;
    }
  }

  const timer = setInterval(() => void look(), everyMs);
  await look();

  return {
    client,
    heads: async () => {
      const [gen, quotes] = await Promise.all([
        client.hGet(keyOf('meta'), 'gen'),
        client.hGetAll(keyOf('quotes')),
      ]);
      return new Map(
        Object.entries(quotes).map(([symbol, text]) => {
          const { quote } = JSON.parse(text) as StoredQuote;
          return [symbol, { gen: gen ?? '', seq: quote.gen === gen ? quote.seq : 0 }];
        }),
      );
    },
    history: async () => {
      const entries = (await client.sendCommand(['XRANGE', keyOf('batches'), '-', '+'], {
        typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer },
      })) as unknown as [id: Buffer, fields: [name: Buffer, message: Buffer]][];
      return entries.flatMap(([, [, message]]) => {
        const batch = new Batch(messages.decode(message) ?? message);
        return batch.symbols.map((_, place) => batch.tick(place));
      });
    },
    faults: () => [...faults],
    looks: () => looks,
    generations: () => [...generations],
    close: () => {
      clearInterval(timer);
      client.destroy();
    },
  };
}
