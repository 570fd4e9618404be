/**
 * Three replicas, Redis and Nginx, an honest client at each and one through Nginx, and every line that any of them writes: what bad
 * input must neither disturb nor get into a log.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { startCluster, type Cluster, type ClusterOptions } from '../support/processes/start-cluster.ts';
import { crashLine } from '../support/checks/crash-line.ts';
import { createRecorder, type Recorder } from '../support/clients/recorder.ts';
import { until } from '../support/until.ts';

export interface WatchedCluster extends Cluster {
  /** Resolves when each honest client has had another tick, and nothing but ticks without a hole on its first connection. */
  unharmed(): Promise<void>;
  /** Ends all, and gives the lines of every log that hold one of these or tell of a crash. Every secret in a test has `dummy` in it. */
  endAndFindLeaks(secrets?: readonly RegExp[]): Promise<string[]>;
}

/** An address that Nginx does not trust is any but this one. */
export const trustedAddress = '127.0.0.1';

export interface WatchedClusterOptions extends ClusterOptions {
  /** What an honest client connects with. */
  honest?: Parameters<typeof createRecorder>[1];
}

/** BTC-USD, AAPL and MSFT tick every 20 ms; whatever would be logged at any level is. Ends with `endAndFindLeaks` or `stop`. */
export async function startWatchedCluster({
  honest,
  ...options
}: WatchedClusterOptions = {}): Promise<WatchedCluster> {
  const folder = mkdtempSync(join(tmpdir(), 'tickwire-security-logs-'));
  const cluster = await startCluster({
    replicas: 3,
    logFolder: folder,
    ...options,
    nginx: {
      accessLog: `${join(folder, 'access.log')} access`,
      trusted: [`${trustedAddress}/32`],
      ...options.nginx,
    },
    env: {
      UPDATE_INTERVAL: '20',
      FEEDS: 'simulator:BTC-USD,AAPL,MSFT',
      // Every line there is, as any might have a secret.
      LOG_LEVEL: 'trace',
      LOG_MAX_PER_SECOND: '0',
      ...options.env,
    },
  });
  const clients: Recorder[] = [...cluster.replicas, cluster].map(({ url }) => {
    const client = createRecorder(url, { transports: ['websocket'], ...honest });
    client.follow(['BTC-USD']);
    return client;
  });
  await Promise.all(clients.map((client) => client.seen('tick', 1, 20_000)));

  async function stop(): Promise<void> {
    for (const client of clients) client.close();
    await cluster.stop();
    rmSync(folder, { recursive: true, force: true });
  }

  return {
    ...cluster,
    unharmed: async () => {
      const seen = clients.map((client) => client.ticks().length);
      await until(() => clients.every((client, n) => client.ticks().length > (seen[n] ?? 0)), {
        saw: () => clients.map((client) => [client.socket.connected, client.ticks().length]),
      });
      expect(clients.flatMap((client) => client.faults())).toEqual([]);
      expect(clients.map((client) => client.hellos().length)).toEqual(clients.map(() => 1));
    },
    endAndFindLeaks: async (secrets = []) => {
      const own = clients.flatMap((client) => client.hellos().map(({ secret }) => secret));
      for (const client of clients) client.close();
      await cluster.stop();
      const files = readdirSync(folder);
      expect(files.toSorted()).toEqual([
        'access.log',
        'nginx.log',
        'r1.log',
        'r2.log',
        'r3.log',
        'redis.log',
      ]);
      const lines = files.flatMap((file) =>
        readFileSync(join(folder, file), 'utf8')
          .split('\n')
          .map((line) => `${file}: ${line}`),
      );
      // Without a line for each of them this would find nothing, whatever was logged.
      for (const file of files)
        expect(lines.filter((line) => line.startsWith(file)).length).toBeGreaterThan(1);
      return lines.filter(
        (line) =>
          /dummy/.test(line) ||
          crashLine.test(line.replace(/^\S+ /, '')) ||
          own.some((secret) => line.includes(secret)) ||
          secrets.some((secret) => secret.test(line)),
      );
    },
    stop,
  };
}
