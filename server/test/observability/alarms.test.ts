/**
 * Each rule in the situation that it is for: a true cluster and a real Prometheus with the project's rules, whose times are
 * made short. That their own times are right, promtool shows in files.test.ts.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { Child } from '../support/start-child.ts';
import { startCluster, type Cluster } from '../support/start-cluster.ts';
import { freePort } from '../support/free-port.ts';
import { healthOf } from '../cluster/cluster-under-test.ts';
import { createPlainClient } from '../support/plain-client.ts';
import { until } from '../support/until.ts';
import { alerts, hasProgram, prometheusFolder } from './files.ts';
import { configFor, queryPrometheus, startPrometheus } from './prometheus.ts';

const apiKey = 'dummy-alarm-key-1';
const headers = { 'X-API-Key': apiKey, 'Content-Type': 'application/json' };

/**
 * Each waits 8 s, and what looks back over minutes looks back over half a minute at most. Longer than a busy machine stalls,
 * and than what one stall does stays in `[5s]`: what fires is what the test did.
 */
function hurried(rules: string): string {
  return rules
    .replaceAll(/for: \d+[sm]/g, 'for: 8s')
    .replaceAll('[1m]', '[5s]')
    .replaceAll('[5m]', '[20s]')
    .replaceAll('[10m:15s]', '[30s:1s]');
}

describe.skipIf(!hasProgram('prometheus'))('the rules, in a true cluster', () => {
  const own = mkdtempSync(join(tmpdir(), 'tickwire-alarms-'));
  let cluster: Cluster;
  let prometheus: Child;
  let url = '';

  /** The rules that fire, each once, by name. */
  async function firing(): Promise<string[]> {
    const samples = await queryPrometheus(url, 'ALERTS{alertstate="firing"}');
    return [...new Set(samples.map(({ metric }) => metric['alertname'] ?? ''))].toSorted();
  }
  const fires = (name: string): Promise<unknown> =>
    until(async () => (await firing()).includes(name), { withinMs: 30_000, saw: firing });
  /** None fires, or is about to. */
  const calm = (): Promise<unknown> =>
    until(async () => (await queryPrometheus(url, 'ALERTS')).length === 0, {
      withinMs: 60_000,
      saw: () => queryPrometheus(url, 'ALERTS'),
    });

  /** One that does not lead, so that no takeover comes in. */
  async function follower(): Promise<Cluster['replicas'][number]> {
    for (const replica of cluster.replicas) if (!(await healthOf(replica.url)).leader.me) return replica;
    throw new Error('every replica leads');
  }

  beforeAll(async () => {
    const ports: number[] = [];
    cluster = await startCluster({
      replicas: 3,
      env: { UPDATE_INTERVAL: '100', API_KEYS: apiKey, SLOW_CLIENT_MS: '1000' },
      launchOf: async () => {
        const port = await freePort();
        ports.push(port);
        return { env: { METRICS_PORT: String(port) } };
      },
    });
    writeFileSync(
      join(own, 'alerts.yml'),
      hurried(readFileSync(join(prometheusFolder, 'alerts.yml'), 'utf8')),
    );
    const targets = ports.map((port) => `127.0.0.1:${port}`);
    ({ url, child: prometheus } = await startPrometheus(own, configFor(targets, '1s')));
    await prometheus.until(
      async () => (await queryPrometheus(url, 'sum(up)').catch(() => []))[0]?.value[1] === '3',
      { what: 'scraping all replicas', withinMs: 30_000 },
    );
  });

  afterAll(async () => {
    await prometheus?.end('SIGTERM', 5_000);
    await cluster?.stop();
    rmSync(own, { recursive: true, force: true });
  });

  it('are calm while all is well', async () => {
    // Twice as long as the rules wait, one scrape a second.
    const scrapes = async (): Promise<number> =>
      Number((await queryPrometheus(url, 'min(count_over_time(up[1m]))'))[0]?.value[1] ?? 0);
    await until(async () => (await scrapes()) >= 16, { withinMs: 50_000, saw: scrapes });
    expect(await firing()).toEqual([]);
    expect(alerts.map(({ name }) => name)).toHaveLength(5);
  });

  it.each([
    ['killed', 'SIGKILL'],
    ['frozen', 'SIGSTOP'],
  ] as const)(
    'TickwireReplicaDown fires for one that is %s, and ends with its return',
    async (_how, signal) => {
      const victim = await follower();
      await victim.kill(signal);
      await fires('TickwireReplicaDown');
      expect(await firing()).toEqual(['TickwireReplicaDown']);
      if (signal === 'SIGSTOP') await victim.kill('SIGCONT');
      else await victim.restart();
      await calm();
    },
    120_000,
  );

  it('TickwirePricesStale and TickwireNoLeader fire while Redis is away, and end with its return', async () => {
    await cluster.redis.kill('SIGKILL');
    await fires('TickwirePricesStale');
    await fires('TickwireNoLeader');
    expect(await firing()).toEqual(['TickwireNoLeader', 'TickwirePricesStale']);
    await cluster.redis.restart();
    await calm();
  }, 120_000);

  it('TickwirePricesStale fires while the feed is paused', async () => {
    await fetch(`${cluster.url}/api/feed/pause`, { method: 'POST', headers });
    await fires('TickwirePricesStale');
    expect(await firing()).toEqual(['TickwirePricesStale']);
    await fetch(`${cluster.url}/api/feed/resume`, { method: 'POST', headers });
    await calm();
  }, 120_000);

  it('TickwireTicksLate fires while old ticks are written, and ends after them', async () => {
    const client = createPlainClient(cluster.url, '/stream/DEMO');
    onTestFinished(() => client.close());
    await client.seen('subscribed');
    await until(
      async () => {
        const body = JSON.stringify([{ symbol: 'DEMO', price: '1', ts: Date.now() - 10_000 }]);
        await fetch(`${cluster.url}/api/ticks`, { method: 'PUT', headers, body });
        return (await firing()).includes('TickwireTicksLate');
      },
      { withinMs: 30_000, saw: firing },
    );
    expect(await firing()).toEqual(['TickwireTicksLate']);
    await calm();
  }, 120_000);

  it('TickwireClientsSlow fires when clients that take nothing are cut, and ends after them', async () => {
    const symbols = 'BTC-USD,ETH-USD,AAPL';
    const idle = Array.from({ length: 3 }, () =>
      createPlainClient(cluster.url, `/stream?symbols=${symbols}`),
    );
    onTestFinished(() => idle.forEach(({ socket }) => socket.terminate()));
    for (const client of idle) {
      await client.seen('tick');
      client.socket.pause();
    }
    await fires('TickwireClientsSlow');
    expect(await firing()).toEqual(['TickwireClientsSlow']);
    await calm();
  }, 120_000);
});
