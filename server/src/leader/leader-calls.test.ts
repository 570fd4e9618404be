import { describe, expect, it } from 'vitest';
import { refusal } from '../../protocol/index.ts';
import { BackplaneUnavailable, NobodyThere } from '../backplane/contract.ts';
import { createLog } from '../support/log.ts';
import { createLeaderCalls, type LeaderCalls, type LeaderCallsOptions } from './leader-calls.ts';

const batch = { ticks: [{ symbol: 'A', price: '1', ts: 1 }] };
const taken = { ok: true, replayed: false, ticks: [{ symbol: 'A', gen: 'gen001', seq: 1 }], number: 5 };

/** What a leader answers, or the error that came in the place of an answer. */
function calling(answer: unknown, more: Partial<LeaderCallsOptions> = {}): LeaderCalls {
  return createLeaderCalls({
    calls: {
      call: async () => (answer instanceof Error ? Promise.reject(answer) : answer),
      answer: () => {},
    },
    known: () => ({ node: 'one', epoch: 1 }),
    termOf: () => null,
    refusePush: () => null,
    reached: { list: async () => {}, batch: async () => {} },
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
    expect(await calling(new NobodyThere('none'), unknown).push(batch)).toEqual({
      ok: false,
      refusal: refusal('unknown_symbol'),
    });
    expect(await calling(new BackplaneUnavailable('away'), unknown).push(batch)).toEqual({
      ok: false,
      refusal: refusal('push_unconfirmed'),
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
  expect(await nameOf(calling(new NobodyThere('none')))).toBe('no_leader');
  expect(await nameOf(calling(taken, { known: () => null }))).toBe('no_leader');
  expect(await nameOf(calling(new BackplaneUnavailable('away')))).toBe(unconfirmed);
});

it('[LS1] a change is answered when this replica goes by it', async () => {
  const versions: number[] = [];
  const calls = calling(
    { ok: true, isChange: true, feed: 'push', version: 7 },
    { reached: { list: async (version) => void versions.push(version), batch: async () => {} } },
  );
  expect(await calls.changeList({ act: 'add', symbol: 'A' })).toMatchObject({ ok: true });
  expect(versions).toEqual([7]);
});

it('[PB3] a push is answered when this replica has read its batch; one that was counted before, at once', async () => {
  const batches: string[] = [];
  const reached = {
    list: async () => {},
    batch: async (gen: string, number: number) => void batches.push(`${gen} ${number}`),
  };
  await calling(taken, { reached }).push(batch);
  await calling({ ...taken, replayed: true }, { reached }).push(batch);
  expect(batches).toEqual(['gen001 5']);
});

it('a replica answers a call to the leader of an epoch in which it leads, and refuses any other', async () => {
  let answer: (body: unknown) => unknown = () => {};
  const term = { push: async () => taken, changeList: async () => taken, setPaused: async () => taken };
  calling(taken, {
    calls: { call: async () => null, answer: (_question, given) => void (answer = given) },
    termOf: (epoch) => (epoch === 4 ? (term as never) : null),
  });
  expect(await answer({ epoch: 4, call: { call: 'push', batch } })).toEqual(taken);
  expect(await answer({ epoch: 5, call: { call: 'push', batch } })).toEqual({
    ok: false,
    refusal: refusal('no_leader'),
  });
});
