import { expect, it } from 'vitest';
import { createKeptLog } from '../../test/support/stand-ins/kept-log.ts';
import { createManualClock } from '../../test/support/stand-ins/manual-clock.ts';
import { createBackendLog } from './backend-log.ts';

const request = { id: 'r1', event: 'order', session: 's1' };

it('says each kind of failure once in ten seconds, with how many were left out', async () => {
  const clock = createManualClock();
  const { log, lines } = createKeptLog();
  const backendLog = createBackendLog({ url: 'http://b.example:90/path?key=dummy', log, clock });
  const fail = (outcome: 'lost' | 'timeout', detail: string): void =>
    backendLog.ended(request, { outcome, detail }, 12.4);
  for (let n = 0; n < 100; n++) fail('lost', 'ECONNRESET');
  fail('timeout', 'no answer');
  backendLog.ended(request, { outcome: 'answered', answer: 'dummy' }, 1);
  backendLog.away();
  backendLog.away();
  await clock.advance(10_000);
  fail('lost', 'ECONNRESET');
  backendLog.back();
  expect(
    lines.map(({ msg, outcome, unlogged, unanswered }) => [msg, outcome, unlogged ?? unanswered]),
  ).toEqual([
    ['an event has no answer of the backend', 'lost', 0],
    ['an event has no answer of the backend', 'timeout', 0],
    ['the backend is away', undefined, undefined],
    ['an event has no answer of the backend', 'lost', 99],
    ['the backend is back', undefined, 1],
  ]);
  expect(lines[0]).toMatchObject({ backend: 'b.example:90', request: 'r1', event: 'order', ms: 12 });
  expect(JSON.stringify(lines)).not.toContain('dummy');
});
