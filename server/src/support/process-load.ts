/** What this process takes of its machine: memory, and how busy and how late its event loop is. Knows no business words. */
import { performance } from 'node:perf_hooks';
import process from 'node:process';

/** A moment to measure from. */
export type LoadMark = ReturnType<typeof performance.eventLoopUtilization>;

/** How a replica learns its own load; `processLoad`, where no test answers instead. */
export interface ProcessLoad {
  /** A moment to measure from. */
  mark(): LoadMark;
  /** The share of the time since then in which the event loop was at work, from 0 to 1. */
  busySince(mark: LoadMark): number;
  /** In bytes. */
  memory(): { rssBytes: number; heapBytes: number };
}

/** Of the process that asks. */
export const processLoad: ProcessLoad = {
  mark: () => performance.eventLoopUtilization(),
  busySince: (mark) => performance.eventLoopUtilization(mark).utilization,
  memory: () => {
    const { rss, heapUsed } = process.memoryUsage();
    return { rssBytes: rss, heapBytes: heapUsed };
  },
};
