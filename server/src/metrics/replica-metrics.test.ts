/** Figures that take more than a name: how old a tick was at each hop. */
import { expect, it } from 'vitest';
import { createManualClock } from '../../test/support/manual-clock.ts';
import { createReplicaMetrics } from './replica-metrics.ts';
import { createMetrics } from '../support/metrics.ts';

function setUp() {
  const clock = createManualClock();
  const metrics = createMetrics({ node: 'n1' });
  const meter = createReplicaMetrics({
    metrics,
    clock,
    traffic: () => ({ opened: 0, active: () => 0, sent: 0, received: 0 }),
    fanout: () => ({ deliveries: 0, flushes: 0, writes: 0, slowWrites: 0, conflated: 0, direct: 0 }),
  });
  const lines = async (name: string): Promise<string[]> =>
    (await metrics.text()).split('\n').filter((line) => line.startsWith(name));
  const ago = (ms: number) => ({ ts: clock.now() - ms });
  return { meter, lines, ago };
}

it('counts the age of a tick at each hop; of what was written, the ticks of those who get each', async () => {
  const { meter, lines, ago } = setUp();
  meter.received([ago(1_000), ago(2_000)]);
  meter.accepted(ago(4_000));
  meter.arrived(ago(8_000));
  meter.written([
    { room: 'tick:A', tick: ago(16_000) },
    { room: 'tick:A@1000', tick: ago(32_000) },
  ]);
  expect(await lines('tickwire_tick_age_seconds_sum')).toEqual([
    'tickwire_tick_age_seconds_sum{hop="source",node="n1"} 3',
    'tickwire_tick_age_seconds_sum{hop="append",node="n1"} 4',
    'tickwire_tick_age_seconds_sum{hop="replica",node="n1"} 8',
    'tickwire_tick_age_seconds_sum{hop="write",node="n1"} 16',
  ]);
});

it('takes a tick from the future, whose source has a clock ahead of ours, for new', async () => {
  const { meter, lines, ago } = setUp();
  meter.accepted(ago(-5_000));
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
