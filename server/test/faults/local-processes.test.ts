/** The local cluster while its workers are killed again and again, or its processes hang. */
import { describe, expect, it, vi } from 'vitest';
import { isRunning, localProgram } from '../contracts/local-processes.ts';
import { hammer } from '../contracts/local-requests.ts';

const { startPair, startPort: start } = localProgram();

describe('the port of the local cluster', () => {
  it('lets no connection hang while workers are killed and forked again', async () => {
    const { processes, port, kill } = await start({ loadMs: 200 });
    await processes.readyCount(2);
    const load = hammer(port, { clients: 12, limitMs: 5_000 });
    for (let round = 1; round <= 6; round++) {
      kill(round % 2 === 0 ? 'local-1' : 'local-2', 'SIGKILL');
      const before = load.answered(200);
      await vi.waitFor(() => expect(load.answered(200)).toBeGreaterThan(before + 50), { timeout: 10_000 });
      await processes.readyCount(2 + round);
    }
    await load.stop();
    expect(load.outcomes.filter(({ at }) => at === 'hanging')).toEqual([]);
  });

  it('ends the connections that a hung worker took, when it is ended, and none hangs for longer', async () => {
    const { processes, port, kill } = await start();
    await processes.readyCount(2);
    const load = hammer(port, { clients: 12, limitMs: 8_000 });
    await vi.waitFor(() => expect(load.answered(200)).toBeGreaterThan(20), { timeout: 10_000 });
    kill('local-1', 'SIGSTOP');
    await processes.readyCount(3);
    await load.stop();
    expect(load.outcomes.filter(({ at }) => at === 'hanging')).toEqual([]);
    expect(load.outcomes.filter(({ at }) => at === 'closed').length).toBeGreaterThan(0);
  });
});

describe('a silent worker', () => {
  it('is ended after 5 s and forked again, and meanwhile the others go on', async () => {
    const { processes, pidOf, one, two } = await startPair();
    const taken = await one.lease.take(await one.lease.read());
    const stopped = pidOf('local-1');
    const stoppedAt = performance.now();
    process.kill(stopped, 'SIGSTOP');
    expect(await two.lease.take(await two.lease.read())).toMatchObject({ epoch: (taken?.epoch ?? 0) + 1 });
    await vi.waitFor(() => expect(isRunning(stopped)).toBe(false), { timeout: 8_000, interval: 20 });
    const silentMs = performance.now() - stoppedAt;
    expect(silentMs).toBeGreaterThan(3_900);
    expect(silentMs).toBeLessThan(7_000);
    expect(await processes.readyCount(3)).toMatchObject({ node: 'local-1' });
    expect((await two.lease.read()).holder).toBe('local-2');
  });
});

describe('a primary that does not answer', () => {
  it('is seen as down, and as up again when it answers, without a worker lost', async () => {
    const { processes, pidOf } = await startPair();
    const pid = pidOf('local-1');
    processes.primary.kill('SIGSTOP');
    await processes.said('local-1 is down', 5_000);
    await processes.said('local-2 is down', 5_000);
    processes.primary.kill('SIGCONT');
    await processes.said('local-1 is up', 3_000);
    await processes.said('local-2 is up', 3_000);
    expect(pidOf('local-1')).toBe(pid);
    expect(isRunning(pid)).toBe(true);
  });
});
