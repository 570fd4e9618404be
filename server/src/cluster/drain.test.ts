import { describe, expect, it } from 'vitest';
import { createManualClock } from '../../test/support/stand-ins/manual-clock.ts';
import { createLog } from '../support/log.ts';
import { createDrain, shortDrainMs, type DrainOptions } from './drain.ts';

function setUp(options: Partial<DrainOptions> = {}) {
  const clock = createManualClock();
  const steps: string[] = [];
  let allGone = (): void => {};
  const state = { hasElsewhere: true };
  const drain = createDrain({
    clock,
    log: createLog({ level: 'silent', node: 'n1' }),
    drainMs: 8_000,
    hasElsewhere: () => state.hasElsewhere,
    onStart: () => steps.push(`start while ${drain.state()}`),
    releaseLease: async () => void steps.push('release'),
    sendClientsAway: (ms) => {
      steps.push(`away over ${ms}`);
      return new Promise((resolve) => void (allGone = resolve));
    },
    hurry: (ms) => steps.push(`hurry ${ms}`),
    finishCalls: async () => void steps.push('calls'),
    endStages: async () => void steps.push('stages'),
    ...options,
  });
  return { drain, clock, steps, state, allGone: () => allGone() };
}

describe('a drain', () => {
  it('[DR1] is not ready and refuses first, gives up the lease, sends clients away, then ends the rest', async () => {
    const { drain, clock, steps, allGone } = setUp();
    expect(drain.state()).toBe('serving');
    const ended = drain.start();
    await clock.advance(5_000);
    expect(steps).toEqual(['start while draining', 'release', 'away over 8000']);
    allGone();
    await ended;
    expect(steps.slice(3)).toEqual(['calls', 'stages']);
    expect(drain.state()).toBe('drained');
  });

  it('[DR1] does not keep clients waiting for a lease that cannot be given up', async () => {
    const release = { now: (): void => {} };
    const { drain, clock, steps, allGone } = setUp({
      releaseLease: () => new Promise((resolve) => void (release.now = resolve)),
    });
    void drain.start();
    await clock.advance(0);
    expect(steps).toContain('away over 8000');
    allGone();
    await clock.advance(1_000);
    expect(steps).not.toContain('stages');
    release.now();
    await clock.advance(0);
    expect(steps).toContain('stages');
  });

  it('[DR1] happens once, and a step that fails does not stop the ones after it', async () => {
    const { drain, steps, allGone, clock } = setUp({ releaseLease: () => Promise.reject(new Error('gone')) });
    const ended = [drain.start(), drain.start()];
    await clock.advance(0);
    allGone();
    await Promise.all(ended);
    expect(steps).toEqual(['start while draining', 'away over 8000', 'calls', 'stages']);
  });

  it('[DR5] is short where no other replica takes clients', async () => {
    const { drain, clock, steps, state } = setUp();
    state.hasElsewhere = false;
    void drain.start();
    await clock.advance(0);
    expect(steps).toContain(`away over ${shortDrainMs}`);
  });

  it('[DR5] is shortened when the last other one leaves too, and when it is told to be', async () => {
    const { drain, clock, steps, state } = setUp();
    void drain.start();
    await clock.advance(2_000);
    state.hasElsewhere = false;
    await clock.advance(2_000);
    void drain.start({ withinMs: 500 });
    expect(steps.filter((step) => step.startsWith('hurry'))).toEqual([`hurry ${shortDrainMs}`, 'hurry 500']);
  });
});
