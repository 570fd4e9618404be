/**
 * Figures that every process of ours tells, whatever its work: log lines that were lost, and connections that could not be
 * taken. Of the latter Node itself tells little: without a free file descriptor it closes what comes unseen, so it is also
 * looked whether one is free.
 */
import { closeSync, openSync } from 'node:fs';
import type { Server } from 'node:net';
import { devNull } from 'node:os';
import type { Clock } from './clock.ts';
import type { Metrics } from './metrics.ts';

/** Where the figures go, and what they are read from. */
export interface ProcessMetricsOptions {
  metrics: Metrics;
  clock: Pick<Clock, 'every'>;
  /** Log lines that were lost since the start; none by default. */
  droppedLines?: (() => number) | undefined;
  /** Whether a file descriptor is free; a file is opened for it by default. */
  hasDescriptor?: () => boolean;
  /** What takes the connections. Its errors would end the process if nobody listened. */
  server: Server;
}

/** Its `close` ends the looks alone: the server's errors are counted as long as there is a server. */
export interface ProcessMetrics {
  readonly close: () => void;
}

const lookMs = 1_000;

/** Looks each second from now on. */
export function createProcessMetrics(options: ProcessMetricsOptions): ProcessMetrics {
  const { metrics, clock, server, droppedLines = () => 0, hasDescriptor = canOpen } = options;
  metrics.counter({
    name: 'tickwire_log_lines_dropped_total',
    help: 'Log lines that standard output, or the log file, did not take.',
    read: droppedLines,
  });
  const acceptErrors = metrics.counter({
    name: 'tickwire_accept_errors_total',
    help: 'Errors at taking connections (told), and seconds without a free file descriptor, in which they are closed unseen (no_descriptor).',
    label: 'kind',
    values: ['told', 'no_descriptor'],
  });
  const stop = clock.every(lookMs, () => {
    if (!hasDescriptor()) acceptErrors.add(1, 'no_descriptor');
  });

  // Whoever opens the port hears of what goes wrong before it listens.
  server.on('error', () => void (server.listening && acceptErrors.add(1, 'told')));
  return { close: stop };
}

function canOpen(): boolean {
  try {
    closeSync(openSync(devNull, 'r'));
    return true;
  } catch {
    return false;
  }
}
