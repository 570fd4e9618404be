/** The numbers of /proc against those that a process knows of itself. */
import process from 'node:process';
import { describe, expect, it } from 'vitest';
import { processorTime } from './processor-time.ts';

describe('processor time', () => {
  it("is what a process says of itself, but for threads that have ended and a moment's delay", () => {
    const before = processorTime([process.pid]);
    const start = process.cpuUsage();
    while (process.cpuUsage(start).user < 100_000);
    const { user, system } = process.cpuUsage(start);
    const seen = processorTime([process.pid]) - before;
    expect(seen).toBeGreaterThan((user + system) * 0.8);
    expect(seen).toBeLessThan((user + system) * 1.5);
  });
});
