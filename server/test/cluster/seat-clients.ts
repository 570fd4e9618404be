/** Clients that ask for a user's seat, and how it went. */
import { until } from '../support/until.ts';
import type { Refusal } from '../../protocol/index.ts';
import type { Recorder } from '../support/clients/recorder.ts';
import type { ClusterUnderTest } from './cluster-under-test.ts';

/** Options of a connection of that user which does not come back by itself. */
export const once = (userId: string, cid: string) => ({
  auth: { userId },
  query: { cid },
  transports: ['websocket'],
  reconnection: false,
});

/** The names of the refusals that the client received. */
export const refusals = (client: Recorder): string[] => client.of<Refusal>('refused').map(({ name }) => name);

/** Waits until the client is greeted or refused. */
export function outcome(client: Recorder): Promise<'seated' | 'refused'> {
  return until(
    () => (client.hellos().length > 0 ? 'seated' : refusals(client).length > 0 ? 'refused' : null),
    { withinMs: 20_000, saw: () => client.events.map(({ event }) => event) },
  );
}

/** Tries with one new cid after another until one is seated; returns the milliseconds from `since` to its greeting. */
export async function freeAfter(
  { connect }: Pick<ClusterUnderTest, 'connect'>,
  { url, userId, since }: { url: string; userId: string; since: number },
): Promise<number> {
  const pending: Promise<unknown>[] = [];
  let seatedAt: number | null = null;
  async function attempt(client: Recorder): Promise<void> {
    if ((await outcome(client)) === 'seated') seatedAt ??= performance.now();
    else client.close();
  }
  // A new try begins at most 50 ms after the one before, because an answer may take long.
  for (let tries = 0; seatedAt === null && tries < 200; tries++) {
    pending.push(attempt(connect(once(userId, `try-${tries}`), url)));
    await Promise.race([pending.at(-1), new Promise((resolve) => setTimeout(resolve, 50))]);
  }
  await Promise.all(pending);
  return (seatedAt ?? Infinity) - since;
}

export function urlOf({ replicas }: { replicas: readonly { url: string }[] }, index: number): string {
  const url = replicas[index]?.url;
  if (url === undefined) throw new Error(`There is no replica ${index}.`);
  return url;
}
