/**
 * How many ticks per second can be pushed over HTTP through a leader and two followers: the highest rate at which every tick
 * reaches a client of every replica in time.
 */
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { Pool } from 'undici';
import { shown } from '../results.ts';
import { rows } from '../rows.ts';
import type { Bench, Server } from './bench.ts';
import { onBus, type BusParts, type BusStage } from './bus-stage.ts';

const apiKey = 'dummy-key-of-bench';
const settings = { FEEDS: 'push', API_KEYS: apiKey, API_CALLS_PER_SECOND: '0' };
const symbolCount = 1_000;
const maxAgeMs = 250;
/** Of the ticks that were due, so many must have come. */
const leastShare = 0.97;
const connections = 32;
/** Calls without an answer. Beyond it the next ones wait, and the rate is missed. */
const maxCalls = 500;
const paceMs = 5;
/** The rate rises by this factor until it is missed. From then on the factor shrinks until it is below the last one. */
const firstStep = 1.6;
const lastStep = 1.06;

/** Reports the highest rate with 100 ticks in each request, and with one. */
export async function measureThroughput(bench: Bench): Promise<void> {
  await onBus(bench, { symbols: symbolCount, settings, prime }, async (stage) => {
    for (const [row, size, start] of [
      [rows.pushHundreds, 100, 5_000],
      [rows.pushOnes, 1, 500],
    ] as const) {
      const found: { ours: number }[] = [];
      let from: number = start;
      for (let round = 0; round < bench.rounds; round++) {
        const ours = await highestRate(bench, stage, { size, from });
        // The next search begins near to what this one found.
        from = ours / firstStep;
        found.push({ ours });
      }
      bench.report(row, found);
    }
  });
}

async function highestRate(
  bench: Bench,
  stage: BusStage,
  { size, from }: { size: number; from: number },
): Promise<number> {
  let rate = from;
  let best: Played | null = null;
  let hasMissed = false;
  for (let step = firstStep; step >= lastStep;) {
    let played = await playRate(bench, stage, { size, rate });
    // Once more, because a busy machine may stand still for a moment.
    if (!played.isInTime) played = await playRate(bench, stage, { size, rate });
    if (!played.isInTime) hasMissed = true;
    else if (played.came > (best?.came ?? 0)) best = played;
    if (hasMissed) step **= 0.5;
    rate *= played.isInTime ? step : 1 / step;
  }
  if (best === null) return 0;
  const { came, ageP99, answerMs, used } = best;
  bench.note(
    `pushes of ${size}, at ${shown(came)} ticks per second: age p99 ${shown(ageP99)} ms, an answer took ${shown(answerMs)} ms; ` +
      `leader ${shown(used.leader)}, follower ${shown(used.follower)}, Redis ${shown(used.redis)} of a core`,
  );
  return came;
}

/** What came of one rate. */
interface Played {
  isInTime: boolean;
  /** Ticks per second at the slowest replica. */
  came: number;
  ageP99: number;
  answerMs: number;
  /** Shares of a core. */
  used: BusParts;
}

async function playRate(
  bench: Bench,
  stage: BusStage,
  { size, rate }: { size: number; rate: number },
): Promise<Played> {
  const [leader] = stage.servers;
  assert(leader !== undefined);
  const pool = new Pool(`http://127.0.0.1:${leader.port}`, { connections });
  const playMs = bench.quick ? 1_500 : 2_000;
  let calls = 0;
  let sent = 0;
  let answered = 0;
  let answersMs = 0;
  let place = 0;
  let failure: unknown = null;

  async function push(): Promise<void> {
    const now = Date.now();
    const ticks = Array.from({ length: size }, () => {
      place = (place + 1) % symbolCount;
      return { symbol: stage.symbols[place], price: String(64_000 + place), size: '1', ts: now };
    });
    calls += 1;
    sent += size;
    const startedAt = performance.now();
    await put(pool, ticks);
    answersMs += performance.now() - startedAt;
    answered += 1;
    calls -= 1;
  }

  await drained(stage);
  await stage.tallies();
  const seenBefore = await stage.seen();
  const before = stage.used();
  const startedAt = performance.now();
  let elapsedMs = 0;
  while (elapsedMs < playMs && failure === null) {
    while (sent < (elapsedMs / 1_000) * rate && calls < maxCalls)
      push().catch((error: unknown) => (failure ??= error));
    await delay(paceMs);
    elapsedMs = performance.now() - startedAt;
  }
  const after = stage.used();
  const seen = await stage.seen();
  const came = Math.min(...seen.map((count, i) => count - (seenBefore[i] ?? NaN))) / (elapsedMs / 1_000);
  await drained(stage);
  await pool.close();
  if (failure !== null) throw failure;
  const tallies = await stage.tallies();
  const ageP99 = Math.max(...tallies.map((tally) => tally.ageP99));
  const hasMerged = tallies.some(({ merged }) => merged > 0);
  const isInTime = ageP99 <= maxAgeMs && came >= leastShare * rate && !hasMerged;
  const share = (part: keyof BusParts) => (after[part] - before[part]) / 1_000 / elapsedMs;
  const used = { leader: share('leader'), follower: share('follower'), redis: share('redis') };
  return { isInTime, came, ageP99, answerMs: answersMs / Math.max(1, answered), used };
}

/** Resolves when nothing more comes. */
async function drained({ seen }: BusStage): Promise<void> {
  let before: number;
  let now = NaN;
  do {
    before = now;
    await delay(300);
    now = (await seen()).reduce((sum, count) => sum + count, 0);
  } while (now !== before);
}

/** Gives every symbol its first price. */
async function prime({ port }: Server, symbols: readonly string[]): Promise<void> {
  const pool = new Pool(`http://127.0.0.1:${port}`);
  await put(
    pool,
    symbols.map((symbol) => ({ symbol, price: '64000' })),
  );
  await pool.close();
}

async function put(pool: Pool, ticks: readonly object[]): Promise<void> {
  const { statusCode, body } = await pool.request({
    method: 'PUT',
    path: '/api/ticks',
    headers: { 'content-type': 'application/json', 'x-api-key': apiKey },
    body: JSON.stringify(ticks),
  });
  const text = await body.text();
  if (statusCode !== 200) throw new Error(`a push was answered ${statusCode}: ${text.slice(0, 300)}`);
}
