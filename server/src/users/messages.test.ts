import { describe, expect, it } from 'vitest';
import { createManualClock } from '../../test/support/stand-ins/manual-clock.ts';
import type { OthersAnswers } from '../backplane/contract.ts';
import { createMessages, type Message } from './messages.ts';
import { answerLimitMs, type Others } from './others.ts';

/** One replica whose sessions and others are the test's; `asked` is what it asked them. */
function setUp(given: Partial<OthersAnswers> = {}, isReachable = true) {
  const asked: unknown[] = [];
  const delivered: Message[] = [];
  const told: unknown[] = [];
  const others: Others = {
    isReachable: () => isReachable,
    ask: (question, { body, limitMs }) => {
      asked.push([question, body, limitMs]);
      return Promise.resolve({ answers: [], silent: [], ...given });
    },
  };
  const outlet = (count: number) => (message: Message) => {
    delivered.push(message);
    return count;
  };
  const messages = createMessages({
    clock: createManualClock(1_000),
    others,
    outlets: [outlet(2), outlet(1)],
    onSent: (kind, isComplete) => told.push([kind, isComplete]),
    onDelivered: (sessions) => told.push(sessions),
  });
  return { messages, asked, delivered, told };
}

const news: Message = { to: { all: true }, event: 'news', data: { text: '<b>' } };

describe('messages', () => {
  it('[MS5] go to the sessions here and to every other replica, and all are counted', async () => {
    const { messages, asked, delivered, told } = setUp({ answers: [4, 0] });
    expect(await messages.send('api', news)).toEqual({ ok: true, delivered: 7 });
    expect(asked).toEqual([['deliver', news, answerLimitMs]]);
    expect(delivered).toEqual([news, news]);
    expect(told).toEqual([3, ['api', true]]);
  });

  it('[MS5] name the replicas that did not answer', async () => {
    const { messages, told } = setUp({ answers: [4], silent: ['r2', 'r3'] });
    const incomplete = ['r2', 'r3'];
    expect(await messages.send('quote', news)).toEqual({ ok: true, delivered: 7, incomplete });
    expect(told).toEqual([3, ['quote', false]]);
  });

  it('[MS5] are refused, and sent to nobody, without a link to the others', async () => {
    const { messages, asked, delivered } = setUp({}, false);
    const refused = { ok: false, name: 'replicas_unreachable', retry: 'later' };
    expect(await messages.send('api', news)).toMatchObject(refused);
    expect([asked, delivered]).toEqual([[], []]);
  });

  it('[MS1] of a user say from whom and when', async () => {
    const { messages, delivered } = setUp();
    await messages.sendFrom('ann', { recipient: 'ben', content: 'hi' });
    expect(delivered[0]).toEqual({
      to: { userId: 'ben' },
      event: 'message',
      data: { from: 'ann', content: 'hi', at: 1_000 },
    });
  });

  it('[MS5] of another replica are delivered here alone', () => {
    const { messages, asked, delivered } = setUp();
    const targets = [{ userId: 'ann' }, { symbol: 'BTC-USD' }, { all: true }] as const;
    for (const to of targets)
      expect(messages.answers.deliver(JSON.parse(JSON.stringify({ ...news, to })))).toBe(3);
    expect(delivered.map(({ to }) => to)).toEqual(targets.flatMap((to) => [to, to]));
    expect(asked).toEqual([]);
    expect(() => messages.answers.deliver({ ...news, to: {} })).toThrow(/to/);
  });
});
