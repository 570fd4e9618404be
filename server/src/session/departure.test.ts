import { describe, expect, it } from 'vitest';
import { createManualClock, type ManualClock } from '../../test/support/stand-ins/manual-clock.ts';
import { createDeparture, ignoredAfterMs, type Leaver } from './departure.ts';

interface ScriptedLeaver extends Leaver {
  told: number | null;
  closedAt: number | null;
  isCut: boolean;
  /** Leaves of its own accord. */
  go(): void;
}

function leaver(
  clock: ManualClock,
  { isPolling = false, isJoined = true, ignores = false }: Partial<Leaver & { ignores: boolean }> = {},
): ScriptedLeaver {
  let gone = false;
  const self: ScriptedLeaver = {
    isPolling,
    isJoined,
    told: null,
    closedAt: null,
    isCut: false,
    tell: (reconnectInMs) => (self.told = reconnectInMs),
    close: () => {
      self.closedAt = clock.monotonic();
      gone = !ignores;
    },
    cut: () => (self.isCut = gone = true),
    isGone: () => gone,
    go: () => (gone = true),
  };
  return self;
}

/** Leavers of these kinds depart over so long. */
function depart(kinds: Parameters<typeof leaver>[1][], overMs = 8_000) {
  const clock = createManualClock();
  const leavers = kinds.map((kind) => leaver(clock, kind));
  const gone: string[] = [];
  const state = { isDone: false };
  const departure = createDeparture({
    leavers,
    overMs,
    clock,
    random: () => 0.5,
    onGone: (how) => gone.push(how),
  });
  void departure.done.then(() => (state.isDone = true));
  return { clock, leavers, departure, gone, state };
}

describe('a departure', () => {
  it('[DR5] with nobody there is over at once', async () => {
    const { clock, state } = depart([]);
    await clock.advance(0);
    expect(state.isDone).toBe(true);
  });

  it('[DR3] tells everyone at once, and closes one by one when it said, evenly over the time', async () => {
    const { clock, leavers, state, gone } = depart([{}, {}, {}, {}]);
    expect(leavers.map(({ told }) => told)).toEqual([1_000, 3_000, 5_000, 7_000]);
    await clock.advance(6_980);
    expect(state.isDone).toBe(false);
    await clock.advance(60);
    expect(leavers.map(({ closedAt }) => closedAt)).toEqual([1_000, 3_000, 5_000, 7_000]);
    expect(state.isDone).toBe(true);
    expect(gone).toEqual(Array(4).fill('closed'));
  });

  it('[DR3] closes polling connections, and those that have not joined, at once', () => {
    const { leavers } = depart([{}, { isPolling: true }, { isJoined: false }]);
    expect(leavers.map(({ closedAt }) => closedAt)).toEqual([null, 0, 0]);
    expect(leavers[1]?.told).toBe(500);
  });

  it('[DR3] does not close who left as it was told, and ends as soon as all have', async () => {
    const { clock, leavers, state, gone } = depart([{}, {}]);
    for (const one of leavers) one.go();
    await clock.advance(40);
    expect(leavers.map(({ closedAt }) => closedAt)).toEqual([null, null]);
    expect([state.isDone, gone.length]).toEqual([true, 2]);
  });

  it('[DR4] cuts who ignores that it was closed', async () => {
    const { clock, leavers, state, gone } = depart([{ ignores: true }, {}], 100);
    const cut = () => leavers.map(({ isCut }) => isCut);
    await clock.advance(ignoredAfterMs);
    expect([cut(), state.isDone]).toEqual([[false, false], false]);
    await clock.advance(100);
    expect([cut(), state.isDone]).toEqual([[true, false], true]);
    expect(gone).toEqual(['closed', 'ignored']);
  });

  it('[DR5] in a hurry closes the rest over the shorter time', async () => {
    const { clock, leavers, departure, state } = depart([{}, {}, {}, {}]);
    await clock.advance(2_000);
    departure.hurry(1_000);
    await clock.advance(1_040);
    expect(leavers.map(({ closedAt }) => closedAt)).toEqual([1_000, 2_200, 2_600, 3_000]);
    expect(state.isDone).toBe(true);
  });
});
