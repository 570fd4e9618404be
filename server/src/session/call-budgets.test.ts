import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';
import { createManualClock } from '../../test/support/stand-ins/manual-clock.ts';
import { createCallBudgets } from './call-budgets.ts';

const rate = { perSecond: 10, burst: 100 };

function setUp() {
  const clock = createManualClock();
  const clients = new Map<IncomingMessage, { key: string; isTrusted: boolean }>();
  const budgets = createCallBudgets({
    rate,
    clock,
    clientOf: (request) => clients.get(request) ?? { key: 'nobody', isTrusted: false },
  });
  const open = (key: string, isTrusted = false): object => {
    const connection = {};
    const request = {} as IncomingMessage;
    clients.set(request, { key, isTrusted });
    budgets.opened(connection, request);
    return connection;
  };
  /** How many calls of that weight the connection may make now. */
  const callsOf = (connection: object, weight = 1): number => {
    let calls = 0;
    while (calls < 10_000 && budgets.of(connection)(weight)) calls++;
    return calls;
  };
  return { clock, budgets, open, callsOf };
}

describe('budgets of calls', () => {
  it('[LM4] are of the connection: to ask for one again renews nothing', async () => {
    const { clock, open, callsOf } = setUp();
    const connection = open('a');
    expect([callsOf(connection), callsOf(connection)]).toEqual([100, 0]);
    await clock.advance(1_000);
    expect(callsOf(connection)).toBe(10);
  });

  it('[LM4] are of the address too: connections that come and go have one together', () => {
    const { open, callsOf } = setUp();
    const sum = Array.from({ length: 50 }, () => callsOf(open('a'))).reduce((a, b) => a + b);
    expect(sum).toBe(2_000);
    expect(callsOf(open('b'))).toBe(100);
  });

  it('[LM4] of an address are not renewed by a time of quiet that is too short', async () => {
    const { clock, open, callsOf } = setUp();
    const held = Array.from({ length: 20 }, () => open('a'));
    for (const connection of held) callsOf(connection);
    await clock.advance(5_000);
    const sum = Array.from({ length: 50 }, () => callsOf(open('a'))).reduce((a, b) => a + b);
    expect(sum).toBe(1_000);
  });

  it('[LM4] of trusted networks have no limit but that of each connection', () => {
    const { open, callsOf } = setUp();
    const sum = Array.from({ length: 50 }, () => callsOf(open('a', true))).reduce((a, b) => a + b);
    expect(sum).toBe(5_000);
  });

  it('[LM4] pay later for what a call cost beyond its weight, of the connection and of the address', async () => {
    const { clock, budgets, open, callsOf } = setUp();
    const connection = open('a');
    budgets.charge(connection, 150);
    expect(callsOf(connection)).toBe(0);
    await clock.advance(5_000);
    expect(callsOf(connection)).toBe(0);
    await clock.advance(1_000);
    expect(callsOf(connection)).toBe(10);
    budgets.charge(connection, 5_000);
    expect(callsOf(open('a'))).toBe(0);
    expect(callsOf(open('b'))).toBe(100);
  });

  it('take nothing for a call that the address refuses', () => {
    const { open, callsOf, budgets } = setUp();
    for (let count = 0; count < 19; count++) callsOf(open('a'));
    const [one, two] = [open('a'), open('a')];
    expect([callsOf(one, 60), callsOf(two, 60), callsOf(two, 40)]).toEqual([1, 0, 1]);
    expect(budgets.of(two)(60)).toBe(false);
  });

  it('end their timer', () => {
    const { clock, budgets } = setUp();
    budgets.close();
    expect(clock.timers()).toBe(0);
  });
});
