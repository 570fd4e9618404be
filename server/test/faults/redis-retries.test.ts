/** Appends whose outcome is unknown, sent again by their batch id: nothing is lost and nothing is counted twice. */
import { describe, expect, it } from 'vitest';
import { type Append, type AppendOutcome, BackplaneUnavailable } from '../../src/backplane/contract.ts';
import { systemClock } from '../../src/support/clock.ts';
import { cleanUpAfterEach, openNode, redisServer, untilAt } from '../contracts/redis-node.ts';
import { draftsOf, lead, missedSince, replayed, type Term } from '../contracts/store-steps.ts';

cleanUpAfterEach();

/** Shorter than a stop, so that each stop leaves an append whose outcome is unknown. */
const patienceMs = 150;

function after(ms: number): Promise<'late'> {
  return new Promise((resolve) => systemClock.after(ms, () => resolve('late')));
}

/** Sends the batch again whenever no answer comes, until one does. What was sent before may still arrive. */
async function insist(send: () => Promise<AppendOutcome>): Promise<{ outcome: AppendOutcome; sent: number }> {
  for (let sent = 1; ; sent++) {
    const outcome = await Promise.race([send().catch(() => 'late' as const), after(patienceMs)]);
    if (outcome !== 'late') return { outcome, sent };
  }
}

/** Appends batch after batch until it is stopped; each tick has a price of its own, in the order of sending. */
function appendSteadily(term: Term) {
  let stopping = false;
  const heads: (number | null | undefined)[] = [];
  let sentAgain = 0;
  async function run(): Promise<number> {
    let count = 0;
    for (; !stopping; count += 2) {
      const batch: Partial<Append> = { batchId: `batch ${count}` };
      const drafts = draftsOf('A', 2, count + 1);
      const { outcome, sent } = await insist(() => term.append(drafts, batch));
      if (!outcome.ok) throw new Error(`the store refused: ${outcome.reason}`);
      heads.push(...outcome.seqs);
      sentAgain += sent - 1;
    }
    return count;
  }
  const running = run();
  return {
    heads,
    sentAgain: () => sentAgain,
    stop: () => {
      stopping = true;
      return running;
    },
  };
}

describe('appends while Redis is stopped for 0.8 s, five times', () => {
  it('are all in the history, once and in order', async () => {
    const server = await redisServer();
    const node = openNode(server.url, 'node-1', 'retries', { historyTicks: 1_000_000 });
    await untilAt(node, 'up', 5_000);
    const term = await lead(node.driver, 1);
    const steady = appendSteadily(term);
    for (let stop = 0; stop < 5; stop++) {
      const before = steady.heads.length;
      await expect.poll(() => steady.heads.length).toBeGreaterThan(before + 20);
      await server.kill('SIGSTOP');
      await after(800);
      await server.kill('SIGCONT');
    }
    const last = steady.heads.length;
    await expect.poll(() => steady.heads.length).toBeGreaterThan(last);
    const count = await steady.stop();
    expect(steady.sentAgain()).toBeGreaterThanOrEqual(5);
    const wanted = Array.from({ length: count }, (_, index) => index + 1);
    expect(steady.heads).toEqual(wanted);
    expect(await missedSince(term, 'A', 0)).toEqual(wanted.map(String));
  });
});

describe('an append that got no answer', () => {
  it('is settled by the next term, whether it was counted or not', async () => {
    const server = await redisServer();
    const node = openNode(server.url);
    await untilAt(node, 'up', 5_000);
    const first = await lead(node.driver, 1);
    await first.append(draftsOf('A', 1));
    await server.kill('SIGSTOP');
    const batch = { batchId: 'unsure', drafts: draftsOf('A', 3, 2) };
    // Redis finds it in its socket when it wakes.
    await expect(first.append(batch.drafts, batch)).rejects.toThrow(BackplaneUnavailable);
    await server.kill('SIGCONT');
    await untilAt(node, 'up', 1_500);
    const second = await lead(node.driver, 2);
    expect(await second.append(batch.drafts, batch)).toEqual(replayed([2, 3, 4]));
    expect(await missedSince(second, 'A', 0)).toEqual(['1', '2', '3', '4']);
  });
});
