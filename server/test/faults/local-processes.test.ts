/** The port of the local cluster while its workers are killed again and again, and while one hangs. */
import { expect, it, vi } from 'vitest';
import { localProgram } from '../contracts/local-processes.ts';
import { hammer } from '../contracts/local-requests.ts';

const { startPort } = localProgram();

it('no connection hangs while workers are killed and started again', async () => {
  const { processes, port, kill } = await startPort({ loadMs: 200 });
  await processes.readyCount(2);
  const load = hammer(port, { clients: 12, limitMs: 8_000 });
  for (let round = 1; round <= 6; round++) {
    kill(round % 2 === 0 ? 'local-1' : 'local-2', 'SIGKILL');
    const before = load.answered(200);
    await vi.waitFor(() => expect(load.answered(200)).toBeGreaterThan(before + 50), { timeout: 10_000 });
    await processes.readyCount(2 + round);
  }
  await load.stop();
  expect(load.outcomes.filter(({ at }) => at === 'hanging')).toEqual([]);
});

it('the connections of a hung worker end with it', async () => {
  const { processes, port, kill } = await startPort();
  await processes.readyCount(2);
  const load = hammer(port, { clients: 12, limitMs: 15_000 });
  await vi.waitFor(() => expect(load.answered(200)).toBeGreaterThan(20), { timeout: 10_000 });
  kill('local-1', 'SIGSTOP');
  await processes.readyCount(3);
  await load.stop();
  expect(load.outcomes.filter(({ at }) => at === 'hanging')).toEqual([]);
  expect(load.outcomes.filter(({ at }) => at === 'closed').length).toBeGreaterThan(0);
});
