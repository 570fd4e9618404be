/** What several rows measure, and the preloads that they run replicas with. */
import type { FeedState, Tick } from '../../protocol/index.ts';
import type { PayloadBook } from '../support/checks/payload-book.ts';
import { until } from '../support/until.ts';
import type { Watch } from '../support/clients/watch.ts';

/** What our stream's clients lost that may go to any replica, each honestly told: gaps, and reconnects that recovered nothing within a generation. */
export function lossesOf(watches: readonly Watch[]): string[] {
  return watches
    .filter(({ name }) => /^stream.*@nginx$/.test(name))
    .flatMap(({ name, check }) => {
      const { gaps, unrecovered } = check.counts();
      return gaps + unrecovered === 0 ? [] : [`${name}: ${gaps} gaps, ${unrecovered} not recovered`];
    });
}

/** The NODE_OPTIONS that load one of the files in preload/. */
export function preload(name: 'slow-clock' | 'block-on-signal' | 'collect-on-signal'): string {
  return `--import=${new URL(`preload/${name}.mjs`, import.meta.url).href}`;
}

/** The longest time that any of them was without a tick, from then until now. There must be some. */
export function pauseOf(watches: readonly Watch[], from: number): number {
  if (watches.length === 0) throw new Error('no client is where the pause is measured');
  return Math.max(...watches.map((watch) => watch.longestPause(from)));
}

/** Resolves when each of them has had a tick since now; gives the milliseconds. */
export async function ticksAgain(watches: readonly Watch[], withinMs: number): Promise<number> {
  const from = performance.now();
  const counts = watches.map(({ tickTimes }) => tickTimes.length);
  await until(() => watches.every(({ tickTimes }, index) => tickTimes.length > (counts[index] ?? 0)), {
    withinMs,
    saw: () =>
      watches.map(({ name, check, symbols }) => [name, ...symbols.map((symbol) => check.head(symbol)?.seq)]),
  });
  return performance.now() - from;
}

/** What clients saw against I2 and I3. */
export function faultsSeen(watches: readonly Watch[], book: PayloadBook): string[] {
  return [
    ...watches.flatMap(({ name, check }) => check.faults().map((text) => `${name}: ${text}`)),
    ...book.conflicts(),
  ];
}

/** How long after `from` the last of them heard that the feed is so; waits for it. */
export async function feedReached(
  watches: readonly Watch[],
  state: FeedState['state'],
  from: number,
  withinMs: number,
): Promise<number> {
  const reached = (watch: Watch): number | undefined =>
    watch.feeds.find((feed) => feed.at >= from && feed.state === state)?.at;
  await until(() => watches.every((watch) => reached(watch) !== undefined), {
    withinMs,
    saw: () =>
      watches.filter((watch) => reached(watch) === undefined).map(({ name, feeds }) => [name, feeds.at(-1)]),
  });
  return Math.max(...watches.map((watch) => reached(watch) ?? Infinity)) - from;
}

/** A figure of `/metrics`, summed over its labels where the line names `label`; 0 where it was never told. */
export async function figureOf(url: string, name: string, label = ''): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return text
    .split('\n')
    .filter((line) => line.startsWith(`${name}{`) && line.includes(label))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
}

/** The lease's TTL under `onlyFence`. */
export const shortTtlMs = 1_000;

/**
 * The environment of replicas that believe, after a freeze of twice that TTL, that they still lead: their clock stood still, and
 * the freeze is shorter than what the connection to Redis allows.
 */
export const onlyFence = {
  NODE_OPTIONS: preload('slow-clock'),
  LEASE_BEAT_MS: '250',
  LEASE_DEADLINE_MS: '700',
  LEASE_TTL_MS: String(shortTtlMs),
};

/** How old a tick is as it comes, in milliseconds: this process and the source's share a clock. */
export function ageOf({ ts }: Pick<Tick, 'ts'>): number {
  return performance.timeOrigin + performance.now() - ts;
}

/** The value below which that part of them lies: 0.5 the median, 1 the largest. There must be some. */
export function part(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const value = sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)];
  if (value === undefined) throw new Error('there is nothing to measure');
  return value;
}
