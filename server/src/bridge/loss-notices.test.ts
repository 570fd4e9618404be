import { expect, it } from 'vitest';
import { createManualClock } from '../../test/support/stand-ins/manual-clock.ts';
import { createLossNotices } from './loss-notices.ts';
import type { Outcome } from './outcome.ts';
import type { BackendRequest } from './sender.ts';

/** A backend that answers each in turn with the next of these, and then with the last of them. */
function setUp(...outcomes: Outcome[]) {
  const clock = createManualClock();
  const sent: string[] = [];
  const errors: unknown[] = [];
  const notices = createLossNotices({
    send: ({ id }: BackendRequest) => {
      sent.push(id);
      const outcome = (outcomes.length > 1 ? outcomes.shift() : outcomes[0]) ?? 'answered';
      return Promise.resolve(
        outcome === 'answered'
          ? { outcome, answer: null }
          : { outcome, detail: 'as the test says', ...(outcome === 'bad_answer' ? { status: 200 } : {}) },
      );
    },
    clock,
    random: () => 1,
    onError: (error) => void errors.push(error),
  });
  const tell = (id: string): Promise<boolean> =>
    notices.tell({ id, event: 'node_gone', session: null, body: '{}', isNotice: true });
  return { clock, notices, tell, sent, errors };
}

it.each(['answered', 'refused', 'bad_answer'] as const)(
  '[BR9] one that was %s is not sent again',
  async (outcome) => {
    const { clock, tell, sent } = setUp(outcome);
    const told = tell('a');
    await clock.advance(60_000);
    expect(sent).toEqual(['a']);
    expect(await told).toBe(true);
  },
);

it('[BR9] one is sent until it is answered, the pauses growing to 10 s, and others do not wait for it', async () => {
  const { clock, tell, sent } = setUp('open', 'timeout', 'busy', 'error', 'unreachable', 'lost', 'answered');
  void tell('a');
  await clock.advance(499);
  expect(sent).toHaveLength(1);
  await clock.advance(500 + 1_000 + 2_000 + 4_000 + 8_000);
  expect(sent).toEqual(['a', 'a', 'a', 'a', 'a', 'a']);
  void tell('b');
  await clock.advance(60_000);
  expect(sent).toEqual(['a', 'a', 'a', 'a', 'a', 'a', 'b', 'a']);
});

it('[BR9] so many wait and no more, and none is sent once it is closed', async () => {
  const { clock, notices, tell, sent, errors } = setUp('open');
  for (let n = 0; n < 1_001; n++) void tell(`${n}`);
  await clock.advance(0);
  expect(sent).toHaveLength(1_000);
  notices.close();
  await clock.advance(60_000);
  expect(sent).toHaveLength(1_000);
  expect(await tell('later')).toBe(false);
  expect([sent.length, errors]).toEqual([1_000, []]);
});
