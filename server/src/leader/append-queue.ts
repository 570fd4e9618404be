/**
 * What waits for the append in flight, in the order in which it came: pushes, each settled by itself, and what sources
 * gave, which may go together. Bounded in ticks. Knows neither the store nor terms.
 */
import { maxAppendTicks } from '../backplane/contract.ts';
import type { SourceTick } from './draft.ts';

/** Ticks that belong together; `settle` is there where somebody waits for their outcome. */
export interface Job<Outcome> {
  ticks: SourceTick[];
  once?: { id: string; hash: string };
  settle?: (outcome: Outcome) => void;
}

/** First in, first out; its bound is in ticks. */
export interface AppendQueue<Outcome> {
  /** Adds the job when all of it fits. */
  add(job: Job<Outcome>): boolean;
  /** Adds a source's ticks; those that do not fit, the newest, are dropped. Gives how many were. */
  addFromSource(ticks: SourceTick[]): number;
  /** Takes the next push, or what sources have given since the last one as one job; null when nothing waits. */
  next(): Job<Outcome> | null;
  /** Settles all that wait for an outcome with this one, and forgets everything. */
  settleAll(outcome: Outcome): void;
}

/** An empty queue that holds `maxTicks` at most. */
export function createAppendQueue<Outcome>({ maxTicks }: { maxTicks: number }): AppendQueue<Outcome> {
  const jobs: Job<Outcome>[] = [];
  let size = 0;

  function add(job: Job<Outcome>): boolean {
    if (size + job.ticks.length > maxTicks) return false;
    jobs.push(job);
    size += job.ticks.length;
    return true;
  }

  function take(): Job<Outcome> | null {
    const job = jobs.shift() ?? null;
    size -= job?.ticks.length ?? 0;
    return job;
  }

  return {
    add,
    addFromSource: (ticks) => {
      const fitting = ticks.slice(0, maxTicks - size);
      if (fitting.length > 0) add({ ticks: fitting });
      return ticks.length - fitting.length;
    },
    next: () => {
      const first = take();
      if (first === null || first.settle !== undefined) return first;
      const ticks = [...first.ticks];
      const fits = (job: Job<Outcome> | undefined): boolean =>
        job !== undefined && job.settle === undefined && ticks.length + job.ticks.length <= maxAppendTicks;
      while (fits(jobs[0])) ticks.push(...(take()?.ticks ?? []));
      return { ticks };
    },
    settleAll: (outcome) => {
      for (let job = take(); job !== null; job = take()) job.settle?.(outcome);
    },
  };
}
