/** Processor time of processes that answer no calls, from /proc of Linux. */
import { readdirSync, readFileSync } from 'node:fs';

/** What the threads of these processes, and of their children, have taken so far, in microseconds. */
export function processorTime(pids: readonly number[]): number {
  return pids.reduce(
    (sum, pid) =>
      sum + threadsOf(pid).reduce((own, thread) => own + runTime(thread), 0) + processorTime(childrenOf(pid)),
    0,
  );
}

function threadsOf(pid: number): string[] {
  return readdirSync(`/proc/${pid}/task`).map((thread) => `/proc/${pid}/task/${thread}`);
}

/** The first number of `schedstat` is the time on a processor, in nanoseconds. */
function runTime(thread: string): number {
  return Number(readFileSync(`${thread}/schedstat`, 'utf8').split(' ')[0]) / 1_000;
}

function childrenOf(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  return children === '' ? [] : children.split(' ').map(Number);
}
