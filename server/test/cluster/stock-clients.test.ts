import { describe, expect, it, onTestFinished } from 'vitest';
import { createRecorder } from '../support/recorder.ts';
import { startEmbeddedCluster } from '../support/embedded-cluster.ts';
import { until } from '../support/until.ts';
import { startClusterUnderTest } from './cluster-under-test.ts';

const kinds: [string, string[]?][] = [
  ['no options but the URL'],
  ['WebSocket alone', ['websocket']],
  ['polling alone', ['polling']],
];

function stock(transports: string[] | undefined): { transports?: string[] } {
  return transports === undefined ? {} : { transports };
}

describe('stock clients', () => {
  it.each(kinds)(
    '[CL1] with %s work through Nginx, and come back by themselves after their replica was stopped',
    async (_, transports) => {
      const cluster = await startClusterUnderTest();
      const client = cluster.connect(stock(transports));
      client.follow(['BTC-USD']);
      await client.seen('tick', 3);

      const first = client.hellos()[0]?.node;
      await cluster.replicas.find(({ node }) => node === first)?.kill('SIGTERM');
      await client.seen('hello', 2, 15_000);
      expect(client.hellos()[1]?.node).not.toBe(first);
      const count = client.ticks().length;
      await until(() => client.ticks().length > count + 3);
      expect(client.faults()).toEqual([]);
    },
  );

  it.each(kinds)(
    '[CL1] with %s work against the embedded cluster, and come back after their worker was killed',
    async (_, transports) => {
      const cluster = await startEmbeddedCluster();
      onTestFinished(() => cluster.close());
      const client = createRecorder(cluster.url, stock(transports));
      onTestFinished(() => client.close());
      client.follow(['BTC-USD']);
      await client.seen('tick', 3, 10_000);

      const gone = new Promise((resolve) => client.socket.once('disconnect', resolve));
      cluster.kill(client.hellos()[0]?.node ?? '');
      await gone;
      await client.seen('hello', 2, 15_000);
      const count = client.ticks().length;
      await until(() => client.ticks().length > count + 3, { withinMs: 10_000 });
      expect(client.faults()).toEqual([]);
    },
  );
});
