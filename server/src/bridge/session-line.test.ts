import { expect, it } from 'vitest';
import { createManualClock } from '../../test/support/stand-ins/manual-clock.ts';
import type { Sent } from './outcome.ts';
import type { BackendRequest } from './sender.ts';
import { SessionLine, type BackendAnswer, type LineStage } from './session-line.ts';

/** A line whose requests end as the test says; there is room for `room` of them. */
function setUp({ room = 100, ready = (): Promise<void> => Promise.resolve() } = {}) {
  const clock = createManualClock();
  const sent: { event: string; end: (sent: Sent) => void; fail: (error: Error) => void }[] = [];
  const hurried: string[] = [];
  const errors: unknown[] = [];
  const answers: [event: string, answer: BackendAnswer][] = [];
  let taken = 0;
  let ended = 0;
  let untold = 0;
  const stage: LineStage = {
    enter: (event, data, { session }) => {
      if (taken === room) return null;
      taken++;
      const isNotice = event === 'connect' || event === 'disconnect';
      return { id: event, event, session, body: JSON.stringify(data), isNotice };
    },
    leave: () => void taken--,
    send: ({ event }: BackendRequest) =>
      new Promise((resolve, reject) => void sent.push({ event, end: resolve, fail: reject })),
    hurry: ({ event }) => void hurried.push(event),
    onUntold: () => void untold++,
    onEnded: () => void ended++,
    onError: (error) => errors.push(error),
  };
  const line = new SessionLine(stage, { session: 's1', user: 'ann', ready });
  const call = (event: string): void => line.send(event, null, (answer) => answers.push([event, answer]));
  const settle = (): Promise<void> => clock.advance(0);
  const end = async (answer: unknown = true): Promise<void> => {
    sent.at(-1)?.end({ outcome: 'answered', answer });
    await settle();
  };
  /** The last request ends without an answer. */
  const failAs = async (outcome: 'lost' | 'late' | 'refused'): Promise<void> => {
    sent.at(-1)?.end({ outcome, detail: '' });
    await settle();
  };
  const events = (): string[] => sent.map(({ event }) => event);
  return {
    line,
    call,
    sent,
    hurried,
    answers,
    errors,
    end,
    failAs,
    settle,
    events,
    taken: () => taken,
    ended: () => ended,
    untold: () => untold,
  };
}

/** A line whose backend knows that the session is there. */
async function connected(options?: Parameters<typeof setUp>[0]) {
  const test = setUp(options);
  await test.settle();
  await test.end();
  return test;
}

const named = (answers: [string, BackendAnswer][]): string[] =>
  answers.map(([event, answer]) => `${event}: ${answer.ok ? String(answer.answer) : answer.refusal.name}`);

it('[BR4] sends each after the end of the one before, the notices first and last', async () => {
  const { line, call, end, settle, events, answers, taken, ended } = setUp();
  call('a');
  call('b');
  line.end();
  await settle();
  expect(events()).toEqual(['connect']);
  await end();
  expect(events()).toEqual(['connect', 'a']);
  await end('A');
  await end('B');
  expect(events()).toEqual(['connect', 'a', 'b', 'disconnect']);
  expect([taken(), ended()]).toEqual([1, 0]);
  await end();
  expect([taken(), ended()]).toEqual([0, 1]);
  expect(named(answers)).toEqual(['a: A', 'b: B']);
});

it('[BR6] hurries a notice that an event waits for, and no other', async () => {
  const { line, call, end, settle, hurried } = setUp();
  await settle();
  expect(hurried).toEqual([]);
  call('order');
  expect(hurried).toEqual(['connect']);
  await end();
  call('order');
  await end();
  void line.tellConnect();
  await end();
  expect(hurried).toEqual(['connect']);
  call('order');
  expect(hurried).toEqual(['connect', 'connect']);
});

it('[BR4] goes on after a failure, and after a fault of ours', async () => {
  const { line, call, sent, settle, end, failAs, answers, errors, taken } = setUp();
  line.send('unanswerable', null, () => {
    throw new Error('another bug');
  });
  for (const event of ['a', 'b', 'c']) call(event);
  await settle();
  await end();
  await end();
  await failAs('lost');
  sent.at(-1)?.fail(new Error('a bug'));
  await settle();
  await end('C');
  expect(named(answers)).toEqual(['a: backend_unconfirmed', 'b: internal', 'c: C']);
  expect(errors).toHaveLength(2);
  expect(taken()).toBe(0);
});

it('[BR6] refuses at once what there is no room for, and drops notices', async () => {
  const { line, call, end, settle, answers, events, ended, untold } = setUp({ room: 2 });
  call('a');
  call('b');
  expect(named(answers)).toEqual(['b: backend_unavailable']);
  line.end();
  await settle();
  await end();
  await end('A');
  expect(events()).toEqual(['connect', 'a']);
  expect([ended(), untold()]).toEqual([1, 1]);
});

it('[BR9] tells again that the session is there, but not of one that is over', async () => {
  const { line, call, end, settle, events } = setUp();
  call('a');
  const again = line.tellConnect();
  line.end();
  const overdue = line.tellConnect();
  await settle();
  for (let n = 0; n < 4; n++) await end();
  expect(events()).toEqual(['connect', 'a', 'connect', 'disconnect']);
  expect(await Promise.all([again, overdue])).toEqual([true, true]);
});

it('[BR9] knows whether the backend was told that the session is there', async () => {
  const { line, end, failAs, settle } = await connected({ room: 2 });
  const lost = line.tellConnect();
  const told = line.tellConnect();
  const full = line.tellConnect();
  await settle();
  await failAs('late');
  await end();
  expect(await Promise.all([lost, told, full])).toEqual([false, true, false]);
});

it.each([
  ['has no answer', 1, ({ failAs }: ReturnType<typeof setUp>) => failAs('lost')],
  ['is not wanted', 0, ({ failAs }: ReturnType<typeof setUp>) => failAs('refused')],
  ['is answered', 0, ({ end }: ReturnType<typeof setUp>) => end()],
])('[BR9] knows of an end that %s', async (_how, untold, answer) => {
  const stage = await connected();
  stage.line.end();
  await stage.settle();
  await answer(stage);
  expect([stage.untold(), stage.ended()]).toEqual([untold, 1]);
});

it('[BR6] refuses at once what one session has too many of', async () => {
  const { call, settle, answers, taken } = setUp({ room: 1_000 });
  for (let n = 0; n < 102; n++) call(`call ${n}`);
  await settle();
  expect(named(answers)).toEqual(['call 100: too_many_calls', 'call 101: too_many_calls']);
  expect(taken()).toBe(101);
});

it('[BR8] on leaving refuses each that the client waits for once, and sends no more of them', async () => {
  const { line, call, end, settle, answers, events } = await connected();
  call('a');
  call('b');
  line.send('c', null, null);
  await settle();
  line.leave();
  expect(named(answers)).toEqual(['a: backend_unconfirmed', 'b: draining']);
  line.leave();
  line.end();
  await end('too late');
  await end();
  expect(events()).toEqual(['connect', 'a', 'c', 'disconnect']);
  expect(answers).toHaveLength(2);
});

it('[LM5] sends nothing that would be answered until the client has read', async () => {
  let read = (): void => {};
  const ready = () => new Promise<void>((resolve) => void (read = resolve));
  const { call, line, end, settle, events } = await connected({ ready });
  line.send('unanswered', null, null);
  call('a');
  await settle();
  await end();
  expect(events()).toEqual(['connect', 'unanswered']);
  read();
  await settle();
  expect(events()).toEqual(['connect', 'unanswered', 'a']);
});
