import { describe, expect, it } from 'vitest';
import { refusal } from '../../protocol/index.ts';
import { BackplaneUnavailable, NoLeader } from '../backplane/contract.ts';
import { createLog } from '../support/log.ts';
import { createLeaderCalls, type LeaderCalls, type LeaderCallsOptions } from './leader-calls.ts';

const batch = { ticks: [{ symbol: 'A', price: '1', ts: 1 }] };
const taken = { ok: true, replayed: false, ticks: [{ symbol: 'A', gen: 'gen001', seq: 1 }] };

/** What a leader answers, or the error that came in the place of an answer. */
function calling(answer: unknown, more: Partial<LeaderCallsOptions> = {}): LeaderCalls {
  return createLeaderCalls({
    leaderLine: { call: async () => (answer instanceof Error ? Promise.reject(answer) : answer) },
    epoch: () => 1,
    refusePush: () => null,
    reached: () => Promise.resolve(),
    log: createLog({ level: 'silent', node: 'test' }),
    ...more,
  });
}

const unknown = { refusePush: () => refusal('unknown_symbol') };

describe('a push from a replica to the leader', () => {
  it('[LS1] goes by the leader’s list, whatever this replica has heard of it', async () => {
    expect(await calling(taken, unknown).push(batch)).toEqual(taken);
  });

  it('is refused by what this replica knows where no leader answers', async () => {
    for (const error of [new NoLeader('none'), new BackplaneUnavailable('away')])
      expect(await calling(error, unknown).push(batch)).toEqual({
        ok: false,
        refusal: refusal('unknown_symbol'),
      });
  });
});

it.each([
  ['push', 'push_unconfirmed', (calls: LeaderCalls) => calls.push(batch)],
  ['change', 'list_unconfirmed', (calls: LeaderCalls) => calls.changeList({ act: 'add', symbol: 'A' })],
  ['pause', 'pause_unconfirmed', (calls: LeaderCalls) => calls.pauseFeed(true)],
])('tells a %s that nobody took from one that is unconfirmed', async (_what, unconfirmed, ask) => {
  const nameOf = async (calls: LeaderCalls) => {
    const outcome = await ask(calls);
    return outcome.ok ? 'ok' : outcome.refusal.name;
  };
  expect(await nameOf(calling(new NoLeader('none')))).toBe('no_leader');
  expect(await nameOf(calling(taken, { epoch: () => null }))).toBe('no_leader');
  expect(await nameOf(calling(new BackplaneUnavailable('away')))).toBe(unconfirmed);
});

it('[LS1] a change is answered when this replica goes by it', async () => {
  const versions: number[] = [];
  const calls = calling(
    { ok: true, isChange: true, feed: 'push', version: 7 },
    { reached: async (version) => void versions.push(version) },
  );
  expect(await calls.changeList({ act: 'add', symbol: 'A' })).toMatchObject({ ok: true });
  expect(versions).toEqual([7]);
});
