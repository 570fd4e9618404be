/** Plain WebSockets while Redis is emptied or restarted. */
import { createClient } from 'redis';
import { describe, expect, it, onTestFinished } from 'vitest';
import { startClusterUnderTest } from '../cluster/cluster-under-test.ts';
import { createPlainClient, type PlainClient } from '../support/clients/plain-client.ts';
import { until } from '../support/until.ts';

const symbols = ['BTC-USD', 'AAPL', 'EUR-USD'];

function openStream(url: string, path: string): PlainClient {
  const client = createPlainClient(url, path);
  onTestFinished(() => client.close());
  return client;
}

describe('plain streams', () => {
  it.each([['emptied'], ['killed and started again']])(
    '[PW5][SQ4] after Redis was %s plain streams get a quote of the new generation, then its ticks, at any rate',
    async (what) => {
      const cluster = await startClusterUnderTest({ replicas: 2 });
      const path = `/stream?symbols=${symbols.join(',')}`;
      const clients = cluster.replicas.flatMap(({ url }) =>
        [path, `${path}&everyMs=250`].map((one) => openStream(url, one)),
      );
      await Promise.all(clients.map((client) => client.seen('tick', 6, 20_000)));
      const gensBefore = new Set<unknown>(clients.flatMap((client) => client.ticks().map(({ gen }) => gen)));
      expect(gensBefore.size).toBe(1);
      if (what === 'emptied') {
        const redis = createClient({ url: cluster.redis.url });
        await redis.connect();
        await redis.sendCommand(['FLUSHALL']);
        redis.destroy();
      } else {
        await cluster.redis.kill('SIGKILL');
        await cluster.redis.restart();
      }

      const isNew = (one: object): boolean => !gensBefore.has(Reflect.get(one, 'gen'));
      const gensAfter = new Set<unknown>();
      for (const client of clients)
        for (const symbol of symbols) {
          const ticks = () => client.ticks(symbol).filter(isNew);
          await until(() => ticks().length >= 3, { withinMs: 30_000, saw: () => client.messages.slice(-5) });
          for (const { gen } of ticks()) gensAfter.add(gen);
          // The quote came first, without a call.
          const ofSymbol = client.messages.filter((one) => one['symbol'] === symbol && isNew(one));
          expect(ofSymbol[0]).toMatchObject({ type: 'quote', reason: 'generation' });
          expect(ofSymbol.filter(({ type }) => type === 'quote')).toHaveLength(1);
        }
      expect(gensAfter.size).toBe(1);
      expect(clients.flatMap((client) => client.faults())).toEqual([]);
      expect(clients.map((client) => client.of('hello').length)).toEqual(clients.map(() => 1));
    },
  );
});
