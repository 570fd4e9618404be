/** `npm run status` against a cluster whose replicas died or hang. */
import { describe, expect, it, onTestFinished } from 'vitest';
import { startClusterUnderTest } from '../cluster/cluster-under-test.ts';
import { runStatus, statusOf, withKey } from '../support/processes/run-status.ts';
import { until } from '../support/until.ts';

/** Waits until every replica knows the others and the leader. */
async function untilWell(url: string, replicas = 3): Promise<void> {
  await until(async () => (await statusOf(url, ['--nodes', `${replicas}`])).code === 0, {
    withinMs: 20_000,
    saw: () => runStatus(['--url', url], withKey),
  });
}

describe('npm run status', () => {
  it('reports prices that are not live, a leader that is gone before another takes over, and that no replica is left', async () => {
    const cluster = await startClusterUnderTest({ replicas: 2, env: { LEASE_TTL_MS: '60000' } });
    await untilWell(cluster.url, 2);
    const leader = await cluster.leader();
    await leader.kill('SIGKILL');
    const { status } = await until(
      async () => {
        const seen = await statusOf(cluster.url);
        return seen.code === 1 && seen.status.problems.length === 2 ? seen : null;
      },
      { withinMs: 20_000, saw: () => statusOf(cluster.url) },
    );
    expect(status.problems).toEqual([
      `the leader ${leader.node} is gone`,
      expect.stringMatching(/^prices are not live: ./) as string,
    ]);
    expect(status.backplane.state).toBe('up');
    for (const replica of cluster.replicas) await replica.kill('SIGKILL');
    const nobody = await runStatus(['--url', cluster.url], withKey);
    expect(nobody.code).toBe(2);
    expect(nobody.output).toMatch(/ answers 50\d to \/health: no replica is behind it$/);
  });

  it('through Nginx gets an answer from another replica than the one that hangs, and reports the hang', async () => {
    const cluster = await startClusterUnderTest();
    await untilWell(cluster.url);
    const leader = await cluster.leader();
    const frozen = cluster.replicas.find((replica) => replica !== leader);
    await frozen?.kill('SIGSTOP');
    onTestFinished(() => frozen?.kill('SIGCONT'));
    const hanging = 'a replica may hang: a request got no answer, until asked again';
    await until(
      async () => {
        const { code, status } = await statusOf(cluster.url, ['--nodes', '3']);
        // Each run is answered, also if it meets the frozen replica.
        expect(code).toBe(1);
        return status.problems.includes(hanging) && status.problems.includes('2 of 3 replicas serve');
      },
      { withinMs: 30_000, saw: () => statusOf(cluster.url) },
    );
  });
});
