/** What a backend and its clients hear of a replica that leaves. */
import { expect, it } from 'vitest';
import { backendSecret, startBackend, type Backend } from '../support/backend.ts';
import type { Recorder } from '../support/recorder.ts';
import { until } from '../support/until.ts';
import { startReplica, type ReplicaUnderTest } from './replica-under-test.ts';

const bridged = (backend: Backend, env: Record<string, string> = {}): Promise<ReplicaUnderTest> =>
  startReplica({ BACKEND_URL: backend.url, BACKEND_SECRET: backendSecret, DRAIN_MS: '300', ...env });

async function join({ connect }: ReplicaUnderTest, transport: 'websocket' | 'polling'): Promise<Recorder> {
  const client = connect({ transports: [transport], reconnection: false });
  await client.seen('feed');
  return client;
}

it('[BR7][BR8] the backend hears that each session is gone before the replica ends, plain ones too', async () => {
  const backend = await startBackend((_, response) => {
    setTimeout(() => response.end(), 50);
  });
  // One by one they take longer than the clients take to go.
  const replica = await bridged(backend, { BACKEND_MAX_CONCURRENT: '1' });
  await Promise.all([
    ...Array.from({ length: 10 }, () => join(replica, 'websocket')),
    join(replica, 'polling'),
    replica.stream('/stream').seen('hello'),
  ]);
  await until(() => backend.of('connect').length === 12);
  await replica.replica.close();
  const sessionsOf = (event: string): string[] =>
    backend
      .of(event)
      .map(({ session }) => session ?? '')
      .toSorted();
  expect(sessionsOf('disconnect')).toEqual(sessionsOf('connect'));
});

it.each(['websocket', 'polling'] as const)(
  '[BR8][DR4] over %s what a client waits for is answered or refused before it is closed',
  async (transport) => {
    const backend = await startBackend(({ event }) => (event === 'slow' ? undefined : { ok: true }));
    const replica = await bridged(backend);
    const client = await join(replica, transport);
    const order: string[] = [];
    client.socket.once('disconnect', () => order.push('closed'));
    const ask = async (event: string): Promise<void> => {
      const answer = await client.call<{ name?: string }>(event);
      order.push(`${event}: ${answer.name ?? 'ok'}`);
    };
    const asked = [ask('quick'), ask('slow'), ask('after')];
    await until(() => backend.of('slow').length === 1);
    const startedAt = performance.now();
    const ended = replica.replica.close();
    await Promise.all(asked);
    await until(() => order.length === 4);
    expect(order).toEqual(['quick: ok', 'slow: backend_unconfirmed', 'after: draining', 'closed']);
    await ended;
    // The hanging request is ended with the replica, and nobody waits for its time limit of 5 s.
    expect(performance.now() - startedAt).toBeLessThan(4_000);
    expect(backend.of('after')).toEqual([]);
  },
);

it('[BR8] a backend that is away holds no replica up', async () => {
  const backend = await startBackend(() => undefined);
  const replica = await bridged(backend);
  await Promise.all(Array.from({ length: 30 }, () => join(replica, 'websocket')));
  const startedAt = performance.now();
  await replica.replica.close();
  expect(performance.now() - startedAt).toBeLessThan(4_000);
});
