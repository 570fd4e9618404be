/** What a backend and its clients get from a replica that leaves. */
import { expect, it } from 'vitest';
import { startBackend } from '../support/stand-ins/backend.ts';
import { until } from '../support/until.ts';
import { bridged, joined } from './bridged.ts';

/** Longer than a drain ever takes. */
const env = { DRAIN_MS: '300', BACKEND_TIMEOUT_MS: '60000' };

it('[BR7][BR8] the backend gets a disconnect for each session before the replica ends, plain ones too', async () => {
  const backend = await startBackend((_, response) => {
    setTimeout(() => response.end(), 50);
  });
  // One by one they take longer than the clients take to go.
  const replica = await bridged(backend.url, { ...env, BACKEND_MAX_CONCURRENT: '1' });
  await Promise.all([
    ...Array.from({ length: 10 }, () => joined(replica)),
    joined(replica, undefined, 'polling'),
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
  expect(backend.mostAtOnce()).toBe(1);
});

it.each(['websocket', 'polling'] as const)(
  '[BR8][DR4] over %s: each event that a client waits for is answered or refused before its connection closes',
  async (transport) => {
    const backend = await startBackend(({ event }) => (event === 'slow' ? undefined : { ok: true }));
    const replica = await bridged(backend.url, env);
    const client = await joined(replica, undefined, transport);
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
    // The hanging request ends with the replica, long before its time limit.
    expect(performance.now() - startedAt).toBeLessThan(4_000);
    expect(backend.of('after')).toEqual([]);
  },
);

it('[BR8] a backend that never answers does not delay a replica that leaves', async () => {
  const backend = await startBackend(() => undefined);
  const replica = await bridged(backend.url, env);
  await Promise.all(Array.from({ length: 10 }, () => joined(replica)));
  const startedAt = performance.now();
  await replica.replica.close();
  expect(performance.now() - startedAt).toBeLessThan(4_000);
});
