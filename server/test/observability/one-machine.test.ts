/** The one answer of a machine's workers, as Prometheus takes it: over a worker that is killed and forked again, too. */
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { startEmbeddedCluster, type EmbeddedCluster } from '../support/processes/embedded-cluster.ts';
import { freePort } from '../support/processes/free-port.ts';
import { createRecorder } from '../support/clients/recorder.ts';
import { until } from '../support/until.ts';
import { seriesOf, tell } from './tell.ts';

const nodes = ['replica', 'replica-1', 'replica-2'];

let cluster: EmbeddedCluster;
let metricsUrl: string;

/** Those that are told now. */
async function nodesTold(): Promise<string[]> {
  const { text } = await tell(metricsUrl);
  return [...new Set([...text.matchAll(/[{,]node="([^"]+)"/g)].map(([, node = '']) => node))].toSorted();
}

/** No nodes for a request without an answer; rethrows any other error. */
function lostScrape(error: unknown): string {
  if (error instanceof Error && (error.name === 'TimeoutError' || error.message === 'fetch failed'))
    return '';
  throw error;
}

beforeAll(async () => {
  const port = String(await freePort());
  metricsUrl = `http://127.0.0.1:${port}/`;
  cluster = await startEmbeddedCluster({ WORKERS: '2', UPDATE_INTERVAL: '100', METRICS_PORT: port });
  await until(async () => (await nodesTold().catch(() => [])).join() === nodes.join(), {
    withinMs: 10_000,
    saw: nodesTold,
  });
});

afterAll(() => cluster.close());

it('is at the metrics port and not at the main port', async () => {
  expect((await fetch(`${cluster.url}metrics`)).status).toBe(404);
});

it('has every series once, and none falls but those of a worker that began anew', async () => {
  const clients = Array.from({ length: 4 }, () => {
    const client = createRecorder(cluster.url, { transports: ['websocket'] });
    onTestFinished(() => client.close());
    client.follow(['BTC-USD', 'ETH-USD']);
    return client;
  });
  for (const client of clients) await client.seen('tick', 3, 10_000);

  const last = new Map<string, number>();
  const beganAt = new Map<string, number>();
  let restarts = 0;
  /** Compares every counter with what it was; gives which workers answered. */
  async function compare(): Promise<string> {
    const { text } = await tell(metricsUrl);
    const told = seriesOf(text);
    const counters = new Set(
      [...text.matchAll(/^# TYPE (\w+) (?:counter|histogram)$/gm)].map(([, name]) => name),
    );
    for (const node of nodes) {
      const began = told.get(`process_start_time_seconds{node="${node}"}`);
      if (began === undefined) continue;
      const isAnew = beganAt.has(node) && beganAt.get(node) !== began;
      if (isAnew) restarts++;
      beganAt.set(node, began);
      for (const [key, value] of told) {
        const name = /^\w+/.exec(key)?.[0] ?? '';
        const isCounter = counters.has(name) || counters.has(name.replace(/_(bucket|sum|count)$/, ''));
        if (!isCounter || !key.includes(`node="${node}"`)) continue;
        if (!isAnew && value < (last.get(key) ?? 0))
          throw new Error(`${key} fell from ${last.get(key)} to ${value}`);
        last.set(key, value);
      }
    }
    return [...told.keys()]
      .flatMap((key) => /^process_start_time_seconds\{node="(.*)"\}$/.exec(key)?.[1] ?? [])
      .join();
  }

  expect((await compare()).split(',').toSorted()).toEqual(nodes);
  const answers = new Set<string>();
  const sawGap = (): boolean => [...answers].some((told) => told !== '' && !told.includes('replica-1'));
  // A worker can be back before the next scrape: then it is killed again.
  for (let round = 1; round <= 5 && !sawGap(); round++) {
    cluster.kill('replica-1');
    await until(
      async () => {
        // A scrape that the killed worker had just accepted gets no answer.
        answers.add(await compare().catch(lostScrape));
        return restarts === round;
      },
      { withinMs: 20_000, saw: () => [...answers] },
    );
  }
  // While it was away the others answered for themselves.
  expect(sawGap()).toBe(true);
  for (const client of clients) await client.seen('hello', 1);
  await until(async () => (await nodesTold()).join() === nodes.join(), { withinMs: 10_000, saw: nodesTold });
  await compare();
});

it('has buckets that rise to their count', async () => {
  const { text } = await tell(metricsUrl);
  const buckets = [...text.matchAll(/^(\w+)_bucket\{le="([^"]+)",(.*)\} (\S+)$/gm)];
  const told = seriesOf(text);
  const before = new Map<string, number>();
  const wholes: [string, number][] = [];
  for (const [, name = '', le, labels = '', value] of buckets) {
    const key = `${name}_count{${labels}}`;
    expect([key, le, Number(value) >= (before.get(key) ?? 0)]).toEqual([key, le, true]);
    before.set(key, Number(value));
    if (le === '+Inf') wholes.push([key, Number(value)]);
  }
  expect(wholes.length).toBeGreaterThan(10);
  expect(wholes).toEqual(wholes.map(([key]) => [key, told.get(key)]));
});
