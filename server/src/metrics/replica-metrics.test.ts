/** Figures that take more than a name: how old a tick was at each hop. */
import { expect, it } from 'vitest';
import { createManualClock } from '../../test/support/stand-ins/manual-clock.ts';
import { createReplicaMetrics } from './replica-metrics.ts';
import { createMetrics } from '../support/metrics.ts';

const written = { deliveries: 0, writes: 0, slowWrites: 0, direct: 0 };

type LinkState = { at: 'up' | 'down' };

function setUp() {
  const listeners: ((state: LinkState) => void)[] = [];
  let state: LinkState = { at: 'up' };
  let roundTrip: (ms: number) => void = () => {};
  const backplane = {
    state: () => state,
    onState: (listener: (state: LinkState) => void) => void listeners.push(listener),
    onRoundTrip: (listener: (ms: number) => void) => void (roundTrip = listener),
    lostPublishes: () => 7,
  };
  const link = (at: LinkState['at']): void => {
    state = { at };
    for (const listener of listeners) listener(state);
  };
  const clock = createManualClock();
  const metrics = createMetrics({ node: 'n1' });
  const meter = createReplicaMetrics({
    metrics,
    clock,
    traffic: () => ({ opened: 0, active: () => 0, sent: 0, received: 0 }),
    fanout: () => ({ ...written, flushes: 0, conflated: 0, behind: 0 }),
    symbols: () => 0,
    users: () => 0,
    backplane,
  });
  const lines = async (name: string): Promise<string[]> =>
    (await metrics.text()).split('\n').filter((line) => line.startsWith(name));
  const ago = (ms: number) => ({ ts: clock.now() - ms });
  return { meter, lines, ago, link, roundTrip };
}

it('counts the age of a tick at each hop; of what was written, the ticks of those who get each', async () => {
  const { meter, lines, ago } = setUp();
  meter.received([ago(1_000), ago(2_000)]);
  meter.accepted([ago(4_000)]);
  meter.arrived(ago(8_000), 1);
  meter.written(ago(16_000));
  expect(await lines('tickwire_tick_age_seconds_sum')).toEqual([
    'tickwire_tick_age_seconds_sum{hop="source",node="n1"} 3',
    'tickwire_tick_age_seconds_sum{hop="append",node="n1"} 4',
    'tickwire_tick_age_seconds_sum{hop="replica",node="n1"} 8',
    'tickwire_tick_age_seconds_sum{hop="write",node="n1"} 16',
  ]);
});

it('takes a tick from the future, whose source has a clock ahead of ours, for new', async () => {
  const { meter, lines, ago } = setUp();
  meter.accepted([ago(-5_000)]);
  expect(await lines('tickwire_tick_age_seconds_sum{hop="append"')).toEqual([
    'tickwire_tick_age_seconds_sum{hop="append",node="n1"} 0',
  ]);
});

it('tells holes that were mended from those that a snapshot stands for', async () => {
  const { meter, lines } = setUp();
  meter.repaired(0);
  meter.repaired(7);
  meter.repaired(null);
  expect(await lines('tickwire_repairs_total')).toEqual([
    'tickwire_repairs_total{how="replay",node="n1"} 2',
    'tickwire_repairs_total{how="snapshot",node="n1"} 1',
  ]);
});

it('tells whether the backplane answers, how fast, and how often it went', async () => {
  const { lines, link, roundTrip } = setUp();
  roundTrip(2);
  link('down');
  // For another reason.
  link('down');
  expect(await lines('tickwire_backplane_up{')).toEqual(['tickwire_backplane_up{node="n1"} 0']);
  link('up');
  link('down');
  link('up');
  expect(await lines('tickwire_backplane_')).toEqual(
    expect.arrayContaining([
      'tickwire_backplane_up{node="n1"} 1',
      'tickwire_backplane_outages_total{node="n1"} 2',
      'tickwire_backplane_lost_publishes_total{node="n1"} 7',
      'tickwire_backplane_round_trip_seconds_bucket{le="0.001",node="n1"} 0',
      'tickwire_backplane_round_trip_seconds_bucket{le="0.0025",node="n1"} 1',
    ]),
  );
});
