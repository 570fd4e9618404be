import { once } from 'node:events';
import { createServer } from 'node:net';
import { expect, it } from 'vitest';
import { createManualClock } from '../../test/support/stand-ins/manual-clock.ts';
import { createMetrics } from './metrics.ts';
import { createProcessMetrics } from './process-metrics.ts';

function setUp() {
  const clock = createManualClock();
  const metrics = createMetrics({ node: 'n1' });
  const state = { hasDescriptor: true, dropped: 0 };
  const server = createServer();
  const own = createProcessMetrics({
    server,
    metrics,
    clock,
    droppedLines: () => state.dropped,
    hasDescriptor: () => state.hasDescriptor,
  });
  const lines = async (name: string): Promise<string[]> =>
    (await metrics.text()).split('\n').filter((line) => line.startsWith(`${name}{`));
  return { clock, own, server, state, lines };
}

it('log lines that were lost are counted', async () => {
  const { state, lines } = setUp();
  state.dropped = 3;
  expect(await lines('tickwire_log_lines_dropped_total')).toEqual([
    'tickwire_log_lines_dropped_total{node="n1"} 3',
  ]);
});

it('seconds without a free file descriptor are counted, until it is closed', async () => {
  const { clock, own, state, lines } = setUp();
  await clock.advance(5_000);
  expect(await lines('tickwire_accept_errors_total')).toEqual([
    'tickwire_accept_errors_total{kind="told",node="n1"} 0',
    'tickwire_accept_errors_total{kind="no_descriptor",node="n1"} 0',
  ]);
  state.hasDescriptor = false;
  await clock.advance(2_000);
  own.close();
  await clock.advance(2_000);
  expect(await lines('tickwire_accept_errors_total')).toEqual([
    'tickwire_accept_errors_total{kind="told",node="n1"} 0',
    'tickwire_accept_errors_total{kind="no_descriptor",node="n1"} 2',
  ]);
});

it('an error of a listening server is counted and ends nothing', async () => {
  const { server, lines } = setUp();
  server.emit('error', new Error('listen EADDRINUSE'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  server.emit('error', new Error('accept EMFILE'));
  server.close();
  expect(await lines('tickwire_accept_errors_total')).toEqual([
    'tickwire_accept_errors_total{kind="told",node="n1"} 1',
    'tickwire_accept_errors_total{kind="no_descriptor",node="n1"} 0',
  ]);
});
