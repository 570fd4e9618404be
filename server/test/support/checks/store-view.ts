/**
 * The store as it lies in Redis, read past the server's own code: epoch and generation of each shard over time (I1), and what it
 * holds of each symbol. Knows the key names of backplane/redis/keys.ts and the text of an entry, `seq:json`.
 */
import { createClient } from 'redis';
import type { Tick } from '../../../protocol/index.ts';
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
  /** Every tick that the history holds. */
  history(): Promise<Tick[]>;
  /** Falls of the epoch within a generation so far, in words. */
  faults(): string[];
  /** How many times it looked. */
  looks(): number;
  /** Generations of shard 0 that were seen, in order. */
  generations(): string[];
  close(): void;
}

interface StoreViewOptions {
  url: string;
  prefix: string;
  shards?: number;
  /** Between two looks at generation and epoch. */
  everyMs?: number;
}

/** Looks as often as Redis lets it; an outage of Redis is no fault here. */
export async function openStoreView(options: StoreViewOptions): Promise<StoreView> {
  const { url, prefix, shards = 1, everyMs = 50 } = options;
  const client = makeClient(url);
  // An outage is looked at again, and is no fault.
  client.on('error', () => {});
  await client.connect();
  const keyOf = (shard: number, name: string): string => `${prefix}:{${prefix}:${shard}}:${name}`;
  const numbers = Array.from({ length: shards }, (_, shard) => shard);
  const last = new Map<number, { gen: string; epoch: number }>();
  const generations: string[] = [];
  const faults: string[] = [];
  let looks = 0;
  let looking = false;

  async function look(): Promise<void> {
    if (looking || !client.isReady) return;
    looking = true;
    try {
      for (const shard of numbers) {
        const [gen, epoch] = await client.hmGet(keyOf(shard, 'meta'), ['gen', 'epoch']);
        if (typeof gen !== 'string') continue;
        const before = last.get(shard);
        if (before?.gen === gen && Number(epoch) < before.epoch)
          faults.push(`[I1] the epoch of ${gen} fell from ${before.epoch} to ${epoch}`);
        if (shard === 0 && before?.gen !== gen) {
          if (generations.includes(gen)) faults.push(`[I1] generation ${gen} came back`);
          generations.push(gen);
        }
        last.set(shard, { gen, epoch: Number(epoch) });
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
      const found = new Map<string, Head>();
      for (const shard of numbers) {
        const [gen, heads] = await Promise.all([
          client.hGet(keyOf(shard, 'meta'), 'gen'),
          client.hGetAll(keyOf(shard, 'heads')),
        ]);
        for (const [symbol, seq] of Object.entries(heads))
          found.set(symbol, { gen: gen ?? '', seq: Number(seq) });
      }
      return found;
    },
    history: async () => {
      const ticks: Tick[] = [];
      for (const shard of numbers) {
        const gen = (await client.hGet(keyOf(shard, 'meta'), 'gen')) ?? '';
        for (const symbol of await client.hKeys(keyOf(shard, 'heads')))
          for (const text of await client.lRange(keyOf(shard, `history:${symbol}`), 0, -1)) {
            const colon = text.indexOf(':');
            const tick = JSON.parse(text.slice(colon + 1)) as Tick;
            ticks.push({ ...tick, symbol, gen, seq: Number(text.slice(0, colon)) });
          }
      }
      return ticks;
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
