/** How long a connection outlives its token. */
import { expect, it } from 'vitest';
import { secretToken } from '../support/stand-ins/tokens.ts';
import { signIn, startReplica } from '../wire/replica-under-test.ts';

it('[SI4] a connection is refused within 2 s of the end of its token, and not before', async () => {
  const { join, stream } = await startReplica(signIn);
  const endsAt = Date.now() + 2_500;
  const token = secretToken({ sub: 'ann', exp: endsAt / 1_000 });
  const plain = stream('/stream/A', { protocols: ['bearer', token] });
  const client = await join({ auth: { token }, reconnection: false });
  await Promise.all([client.seen('refused'), plain.seen('refused')]);
  const refusedAt = client.events.find(({ event }) => event === 'refused')?.at;
  expect(refusedAt).toBeGreaterThanOrEqual(endsAt);
  expect(refusedAt).toBeLessThan(endsAt + 2_000);
  expect(Date.now()).toBeLessThan(endsAt + 2_000);
});
