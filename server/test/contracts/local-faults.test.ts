/** What happens to the local cluster when its processes die, hang or cannot start, with true processes and signals. */
import { once } from 'node:events';
import { describe, expect, it, vi } from 'vitest';
import { localProgram, type LocalProcesses } from './local-processes.ts';
import { leadLog } from './log-steps.ts';

const { start, startPair } = localProgram();

async function expectNoneLeft(processes: LocalProcesses, timeout: number): Promise<void> {
  await vi.waitFor(() => expect(processes.running()).toEqual([]), { timeout, interval: 10 });
}

describe('a killed worker', () => {
  it('frees its lease and seats at once, leaves a held call unconfirmed, and is forked again under its name', async () => {
    const { processes, pidOf, one, two } = await startPair();
    const taken = await one.lease.take(await one.lease.read());
    expect(await two.call('local-1', 'are you there?')).toMatchObject({ ok: true });
    const gen = await one.userSeats.enter();
    await two.userSeats.enter();
    await one.userSeats.take(gen, [{ user: 'u', cid: 'a', id: '1' }], 1);
    const takeSeat = () => two.userSeats.take(gen, [{ user: 'u', cid: 'b', id: '2' }], 1);
    expect(await takeSeat()).toEqual([{ ok: false }]);
    const held = two.call('local-1', { hold: 'answer me' });
    await vi.waitFor(async () => expect(await one.received()).toHaveLength(1), {
      timeout: 10_000,
      interval: 5,
    });
    process.kill(pidOf('local-1'), 'SIGKILL');
    await vi.waitFor(async () => expect(await two.releases()).toBe(1), { timeout: 1_000, interval: 5 });
    expect(await two.call('local-1', 'are you there?')).toMatchObject({
      ok: false,
      name: 'NobodyThere',
    });
    expect(await held).toMatchObject({ ok: false, name: 'BackplaneUnavailable' });
    expect(await takeSeat()).toEqual([{ ok: true, replaced: null }]);
    expect(await two.lease.read()).toMatchObject({ holder: null, epoch: taken?.epoch });
    expect(await two.lease.take(await two.lease.read())).toMatchObject({ holder: 'local-2' });

    expect((await processes.readyCount(3)).node).toBe('local-1');
    expect(await processes.driver('local-1').lease.read()).toMatchObject({ holder: 'local-2' });
  });
});

describe('the log in the primary', () => {
  it('outlives its leader: the next one goes on in the same generation, and repeats nothing', async () => {
    const { pidOf, one, two } = await startPair();
    const first = await leadLog(one, 1);
    await first.append({
      prices: [
        ['A', '1'],
        ['A', '2'],
      ],
    });
    process.kill(pidOf('local-1'), 'SIGKILL');
    const second = await leadLog(two, 2);
    expect([second.gen, second.number()]).toEqual([first.gen, 1]);
    await second.append({ prices: [['A', '3']] });
    const stored = await two.tickLog.readAfter(first.gen, 0);
    expect(stored?.flatMap(({ ticks }) => ticks)).toEqual([...first.ticks, ...second.ticks]);
  });
});

describe('the end of the primary', () => {
  it('ends its workers within 2 s when it is killed', async () => {
    const { processes } = await startPair();
    expect(processes.running()).toHaveLength(3);
    processes.primary.kill('SIGKILL');
    await expectNoneLeft(processes, 2_000);
  });

  it('ends workers that do not leave in the time they have', async () => {
    const { processes } = await startPair({ worker: 'ignores drain', drainMs: 300 });
    const before = performance.now();
    processes.close({ now: false });
    await once(processes.primary, 'exit');
    expect(performance.now() - before).toBeGreaterThan(300);
    await expectNoneLeft(processes, 1_000);
  });

  it('comes within 1 s when it is asked for at once, also while workers drain', async () => {
    const { processes } = await startPair({ worker: 'ignores drain' });
    processes.close({ now: false });
    await processes.said('local-1 drains', 2_000);
    const before = performance.now();
    processes.close({ now: true });
    await once(processes.primary, 'exit');
    expect(performance.now() - before).toBeLessThan(1_000);
    await expectNoneLeft(processes, 500);
  });

  it('is clean before any worker is ready', async () => {
    const processes = start({ loadMs: 60_000 });
    await processes.said('local-2 loads', 5_000);
    processes.primary.kill('SIGTERM');
    await once(processes.primary, 'exit');
    expect(processes.primary.exitCode).toBe(0);
    await expectNoneLeft(processes, 500);
    expect(processes.output()).not.toContain('drains');
  });
});
