import { expect, it } from 'vitest';
import { createManualClock } from '../../test/support/stand-ins/manual-clock.ts';
import type { Outcome, Sent } from './outcome.ts';
import { createSender, type BackendRequest, type BreakerState } from './sender.ts';

const timeoutMs = 1_000;

/** A sender whose posts end as the test says. */
function setUp({ maxConcurrent = 2 } = {}) {
  const clock = createManualClock();
  const posts: { id: string; body: string; withinMs: number; end: (sent: Sent) => void }[] = [];
  const outcomes: Outcome[] = [];
  const states: BreakerState[] = [];
  const sender = createSender({
    post: ({ id, body }, withinMs) =>
      new Promise((resolve) => void posts.push({ id, body, withinMs, end: resolve })),
    maxConcurrent,
    timeoutMs,
    clock,
    log: { ended: () => {}, away: () => {}, back: () => {} },
    random: () => 0.5,
    onOutcome: (outcome) => outcomes.push(outcome),
    onBreaker: (state) => states.push(state),
  });
  const request = (id: string, isNotice = false): BackendRequest => {
    return { id, event: 'order', session: 's1', body: `body of ${id}`, isNotice };
  };
  const end = async (sent: Sent): Promise<void> => {
    posts.shift()?.end(sent);
    await clock.advance(0);
  };
  /** Sends one, whose post ends like this. */
  const sendOne = async (sent: Sent): Promise<Sent> => {
    const outcome = sender.send(request('1'));
    await clock.advance(0);
    await end(sent);
    return outcome;
  };
  const sending = (): string[] => posts.map(({ id }) => id);
  return { clock, posts, outcomes, states, sender, request, end, sendOne, sending };
}

const answered: Sent = { outcome: 'answered', answer: 1 };
const failed = (outcome: Exclude<Outcome, 'answered'>): Sent => ({ outcome, detail: 'as the test says' });

it('[BR6] sends so many at once, events before notices', async () => {
  const { clock, sender, request, end, sending } = setUp();
  void sender.send(request('notice 1', true));
  void sender.send(request('notice 2', true));
  void sender.send(request('notice 3', true));
  void sender.send(request('event 1'));
  await clock.advance(0);
  expect(sending()).toEqual(['notice 1', 'notice 2']);
  await end(answered);
  expect(sending()).toEqual(['notice 2', 'event 1']);
  await end(answered);
  expect(sending()).toEqual(['event 1', 'notice 3']);
});

it('[BR6] sends a notice that was hurried with the events; to hurry one that was sent changes nothing', async () => {
  const { clock, sender, request, end, sending } = setUp({ maxConcurrent: 1 });
  const notices = [1, 2, 3].map((n) => request(`notice ${n}`, true));
  for (const notice of notices) void sender.send(notice);
  void sender.send(request('event 1'));
  await clock.advance(0);
  for (const notice of [notices[0], notices[2]]) if (notice !== undefined) sender.hurry(notice);
  const sent: string[] = [];
  for (let n = 0; n < 4; n++) {
    sent.push(...sending());
    await end(answered);
  }
  expect(sent).toEqual(['notice 1', 'event 1', 'notice 3', 'notice 2']);
  for (const notice of notices) sender.hurry(notice);
});

it('[BR5] what was never sent is sent again within the time limit, under the same id, three times in all', async () => {
  const { clock, posts, sender, request, end, outcomes } = setUp();
  const sent = sender.send(request('1'));
  const tries: object[] = [];
  for (let n = 0; n < 3; n++) {
    await clock.advance(200);
    tries.push({ id: posts[0]?.id, body: posts[0]?.body });
    expect(posts[0]?.withinMs).toBeLessThanOrEqual(timeoutMs);
    await end(failed('unreachable'));
  }
  expect(tries).toEqual(Array.from({ length: 3 }, () => ({ id: '1', body: 'body of 1' })));
  expect(await sent).toMatchObject({ outcome: 'unreachable' });
  expect([posts, outcomes]).toEqual([[], ['unreachable']]);

  const second = sender.send(request('2'));
  await clock.advance(0);
  await end(failed('unreachable'));
  await clock.advance(500);
  await end(answered);
  expect(await second).toEqual(answered);
});

it.each(['timeout', 'lost', 'error', 'bad_answer', 'busy', 'refused'] as const)(
  '[BR5] what ended as %s is not sent again',
  async (outcome) => {
    const { posts, sendOne } = setUp();
    expect(await sendOne(failed(outcome))).toMatchObject({ outcome });
    expect(posts).toEqual([]);
  },
);

it('[BR6] what waited for others for too long is not sent', async () => {
  const { clock, sender, request, end, sending } = setUp({ maxConcurrent: 1 });
  void sender.send(request('1'));
  const second = sender.send(request('2'));
  const third = clock.advance(timeoutMs - 1).then(() => sender.send(request('3')));
  await clock.advance(timeoutMs);
  await end(failed('timeout'));
  expect(await second).toMatchObject({ outcome: 'late' });
  expect(sending()).toEqual(['3']);
  await end(answered);
  expect(await third).toEqual(answered);
});

it('[BR6] after five in a row that found the backend away nothing is sent; what is about one event does not count', async () => {
  const { posts, states, sender, request, sendOne } = setUp();
  for (let n = 0; n < 20; n++) await sendOne(failed(n % 2 === 0 ? 'error' : 'bad_answer'));
  for (let n = 0; n < 4; n++) await sendOne(failed('lost'));
  await sendOne(answered);
  for (let n = 0; n < 4; n++) await sendOne(failed('busy'));
  expect(states).toEqual([]);
  await sendOne(failed('timeout'));
  expect(states).toEqual(['open']);
  expect(await sender.send(request('6'))).toMatchObject({ outcome: 'open' });
  expect(posts).toEqual([]);
});

it('[BR8] once closed it sends nothing that waits', async () => {
  const { clock, sender, request, end, sending } = setUp({ maxConcurrent: 1 });
  const first = sender.send(request('1'));
  const second = sender.send(request('2'));
  await clock.advance(0);
  sender.close();
  await end(answered);
  expect(await first).toEqual(answered);
  expect(await second).toMatchObject({ outcome: 'leaving' });
  expect(sending()).toEqual([]);
});
