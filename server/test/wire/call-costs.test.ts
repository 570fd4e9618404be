/** What joining, subscribing and reconnecting in a loop costs a client, and what the loop costs other clients and the backend. */
import { expect, it } from 'vitest';
import type { Position, SubscribeAck } from '../../protocol/index.ts';
import { startBackend } from '../support/stand-ins/backend.ts';
import type { RawWebSocket } from '../support/clients/raw-web-socket.ts';
import { until } from '../support/until.ts';
import { bridged, joined, order } from './bridged.ts';
import { resultOf, startReplica } from './replica-under-test.ts';

/** A call for all of them counts as 10. */
const symbols = Array.from({ length: 180 }, (_, index) => `C${index + 1}`);
const feeds = { FEEDS: `push:${symbols.join()}` };
/** A connection has 10 calls at once after a time of quiet. An address has 20 times as many. */
const strict = { ...feeds, MAX_CALLS_PER_SECOND: '1', TRUSTED_NETWORKS: 'none' };
const subscribe = `420${JSON.stringify(['subscribe', symbols])}`;

/** Sends the packet and returns the first text behind it that begins so, or null if the client is refused or disconnected. */
async function ask(client: RawWebSocket, packet: string, start: string): Promise<string | null> {
  const from = client.texts.length;
  client.send(packet);
  const isEnd = (text: string): boolean => text.startsWith(start) || text.startsWith('42["refused"');
  const end = await until(() => client.texts.slice(from).find(isEnd) ?? (client.isGone() ? 'gone' : null), {
    saw: () => client.texts.slice(from).map((text) => text.slice(0, 80)),
  });
  return end.startsWith(start) ? end : null;
}

/** Joins and subscribes; true if every symbol was accepted. */
async function joinAndSubscribe(client: RawWebSocket): Promise<boolean> {
  if ((await ask(client, '40', '42["feed"')) === null) return false;
  const answer = await ask(client, subscribe, '430');
  return answer?.includes('"C180":{"ok":true') === true;
}

it('[LM4] joining again on one connection renews nothing of what its calls may cost', async () => {
  const { raw } = await startReplica(strict);
  const startedAt = performance.now();
  const client = await raw();
  let accepted = 0;
  for (let loop = 0; loop < 20 && !client.isGone(); loop++) {
    if (await joinAndSubscribe(client)) accepted += 1;
    client.send('41');
  }
  const seconds = (performance.now() - startedAt) / 1_000;
  expect(accepted * 10).toBeLessThanOrEqual(10 + seconds);
});

it('[LM4] reconnecting renews nothing of what the calls of an address may cost', async () => {
  const { raw } = await startReplica(strict);
  const startedAt = performance.now();
  let accepted = 0;
  for (let loop = 0; loop < 60; loop++) {
    const client = await raw();
    if (await joinAndSubscribe(client)) accepted += 1;
    client.close();
  }
  const seconds = (performance.now() - startedAt) / 1_000;
  expect(accepted * 10).toBeLessThanOrEqual(200 + 20 * seconds);
});

it('[LM4] missed ticks that are replayed count: recovering in a loop is refused', async () => {
  const under = await startReplica({ ...feeds, MAX_CALLS_PER_SECOND: '2' });
  for (let round = 1; round <= 101; round++)
    await under.price(Object.fromEntries(symbols.map((symbol) => [symbol, String(round)])));
  const client = await under.join();
  const { gen } = resultOf(await client.subscribe(['C1']), 'C1');
  const since = Object.fromEntries(
    symbols.slice(0, 40).map((symbol): [string, Position] => [symbol, [gen, 1]]),
  );
  const startedAt = performance.now();
  const answers: SubscribeAck[] = [];
  for (let loop = 0; loop < 10; loop++)
    answers.push(await client.subscribe({ symbols: symbols.slice(0, 40), since }));
  const accepted = answers.filter(({ ok }) => ok).length;
  const seconds = (performance.now() - startedAt) / 1_000;
  expect(answers.filter((answer) => !answer.ok && answer.name !== 'too_many_calls')).toEqual([]);
  // Each counts as a call, 2 for its symbols and 20 for 4,000 ticks. The last accepted call may take more than is left.
  expect(accepted).toBeGreaterThan(0);
  expect((accepted - 1) * 23).toBeLessThanOrEqual(20 + 2 * seconds);
}, 60_000);

it('[BR6] clients that join and leave in a loop cost no event of other clients', async () => {
  const backend = await startBackend((_, response) => {
    setTimeout(() => response.setHeader('Content-Type', 'application/json').end('{"ok":true}'), 100);
    return undefined;
  });
  const replica = await bridged(backend.url, {
    ...feeds,
    BACKEND_TIMEOUT_MS: '2000',
    BACKEND_MAX_CONCURRENT: '1',
  });
  const early = await joined(replica);
  expect(await order(early)).toEqual({ ok: true });
  const waiting = (): Promise<number> => replica.metric('tickwire_backend_waiting');
  // These notices take 6 s.
  await Promise.all(
    Array.from({ length: 3 }, async () => {
      const looper = await replica.raw();
      while ((await waiting()) < 60 && (await ask(looper, '40', '42["feed"')) !== null) looper.send('41');
    }),
  );
  expect(await waiting()).toBeGreaterThan(50);
  const late = await joined(replica);

  const notices = (): number => backend.of('connect').length + backend.of('disconnect').length;
  const before = notices();
  // At the end the oldest notice has waited longer than an event may.
  while (notices() < before + 30)
    for (const client of [early, late]) expect(await order(client)).toEqual({ ok: true });
  expect(await replica.metric('tickwire_backend_breaker')).toBe(0);
}, 60_000);
