import { describe, expect, it } from 'vitest';
import { createKeptLog } from '../../test/support/stand-ins/kept-log.ts';
import { createManualClock } from '../../test/support/stand-ins/manual-clock.ts';

describe('the log', () => {
  it('tells in one line of each kind how many were left out, also of those that a child wrote', async () => {
    const clock = createManualClock();
    const { log, lines } = createKeptLog({ maxPerSecond: 2, clock });
    const child = log.child({ part: 'side door' });
    for (let round = 0; round < 3; round++) {
      log.warn({ round }, 'refused');
      child.warn({ round }, 'refused');
      child.info('done');
      log.debug('refused');
    }
    expect(lines.map(({ msg }) => msg)).toEqual(['refused', 'refused', 'done', 'done']);
    await clock.advance(1_000);
    expect(lines.slice(4)).toMatchObject([
      { level: 'warn', node: 'n1', of: 'refused', lines: 4, msg: 'lines were left out' },
      { level: 'info', node: 'n1', of: 'done', lines: 1, msg: 'lines were left out' },
    ]);
  });

  it('never has the headers that prove who somebody is', () => {
    const { log, lines } = createKeptLog();
    const headers = { authorization: 'Bearer hush', 'x-api-key': 'hush', cookie: 'hush', host: 'here' };
    log.info({ req: { headers } }, 'seen');
    expect(JSON.stringify(lines)).toContain('here');
    expect(JSON.stringify(lines)).not.toContain('hush');
  });
});
