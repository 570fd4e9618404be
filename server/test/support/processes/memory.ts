/** The memory of processes, as Linux counts it. */
import { readFileSync, writeFileSync } from 'node:fs';

function statusOf(pid: number, field: 'VmRSS' | 'VmHWM'): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(new RegExp(`${field}:\\s+(\\d+) kB`).exec(status)?.[1]) / 1_024;
}

/** The most that each process held while that ran, over what it held before; in MB. */
export async function growthOf(pids: readonly number[], work: () => Promise<void>): Promise<number[]> {
  // From here on the peak is a new one.
  for (const pid of pids) writeFileSync(`/proc/${pid}/clear_refs`, '5');
  const before = pids.map((pid) => statusOf(pid, 'VmRSS'));
  await work();
  return pids.map((pid, n) => statusOf(pid, 'VmHWM') - (before[n] ?? 0));
}
