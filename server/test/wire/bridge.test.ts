/** Clients' own events on their way to a backend and back, and the order in which a backend gets the events of a session. */
import { expect, it } from 'vitest';
import { limits, type Hello } from '../../protocol/index.ts';
import { startBackend, type Got } from '../support/stand-ins/backend.ts';
import type { Recorder } from '../support/clients/recorder.ts';
import { claimsOf, secretToken } from '../support/stand-ins/tokens.ts';
import { until } from '../support/until.ts';
import { bridged, joined } from './bridged.ts';
import { signIn } from './replica-under-test.ts';

const helloOf = (client: Recorder): Hello | undefined => client.hellos()[0];
const namesOf = (got: readonly Got[]): string[] => got.map(({ event }) => event);

it('[BR1][BR3] an event goes to the backend, signed, and its JSON is the answer', async () => {
  const backend = await startBackend(({ data }) => ({ sold: data, nested: { __proto: [1, null] } }));
  const replica = await bridged(backend.url);
  const ann = await joined(replica, 'ann');
  const before = Date.now();
  const data = { symbol: 'A', size: '3', note: '“€”', list: [1, [2]] };
  expect(await ann.call('order', data)).toEqual({ sold: data, nested: { __proto: [1, null] } });
  const [got] = backend.of('order');
  expect(got).toMatchObject({
    event: 'order',
    data,
    user: 'ann',
    session: helloOf(ann)?.session,
    node: 'test',
    headers: { 'content-type': 'application/json', 'x-request-id': got?.id },
  });
  expect(got?.at).toBeGreaterThanOrEqual(before);
  expect(new Set(backend.verdicts)).toEqual(new Set(['genuine']));
  await until(() => replica.logs.some((line) => line.includes(got?.id ?? '-') && line.includes('"order"')));
});

it('[BR1] an answer may be any JSON or empty; an event without acknowledgement reaches the backend too', async () => {
  const answers = [null, 0, 'text', [1, { a: [] }], false, { ok: false, name: 'closed' }];
  const backend = await startBackend(({ data }) => answers[Number(data)]);
  const ann = await joined(await bridged(backend.url));
  for (const [index, answer] of answers.entries()) expect(await ann.call('ask', index)).toEqual(answer);
  backend.respond = (_, response) => void response.writeHead(204).end();
  expect(await ann.call('ask')).toEqual({ ok: true });
  backend.respond = (_, response) => void response.writeHead(200).end();
  expect(await ann.call('ask')).toEqual({ ok: true });
  expect(backend.of('ask').at(-1)).toMatchObject({ data: null, user: null });
  ann.socket.emit('told', 'once');
  await until(() => backend.of('told').length === 1);
  // What stock clients' `send` emits.
  expect(await ann.call('message', 'hi')).toEqual({ ok: true });
});

it('[BR2] reserved names and payloads other than JSON do not leave the replica', async () => {
  const backend = await startBackend();
  const ann = await joined(await bridged(backend.url));
  await ann.subscribe(['A']);
  const refused = async (...args: [string, ...unknown[]]): Promise<unknown> => {
    const { symbols, name } = await ann.call<{ symbols: string[]; name: string }>(...args);
    expect(symbols).toEqual(['A']);
    return name;
  };
  for (const event of 'tick hello error cluster __proto__ constructor ping node_gone then toString'.split(
    ' ',
  ))
    expect(await refused(event, 1)).toBe('reserved_event');
  for (const event of ['', 'two words', '1st', 'x'.repeat(65), 'http://else', '../up'])
    expect(await refused(event, 1)).toBe('unknown_event');
  const deep = (levels: number): unknown => (levels === 0 ? 1 : [deep(levels - 1)]);
  for (const payload of [
    [Buffer.from('x')],
    [{ a: [Buffer.from('x')] }],
    [1, 2],
    [deep(limits.maxDataDepth + 1)],
  ])
    expect(await refused('order', ...payload)).toBe('bad_payload');
  expect(await ann.call('order', deep(limits.maxDataDepth))).toEqual({ ok: true, event: 'order' });
  expect(namesOf(backend.got)).toEqual(['connect', 'order']);
});

it('[BR4] the backend gets the connect, the events and the disconnect of a session in order, one at a time', async () => {
  let letConnect = (): void => {};
  const backend = await startBackend(({ event }, response) => {
    if (event !== 'connect') return { ok: true };
    letConnect = () => void response.end();
    return undefined;
  });
  const replica = await bridged(backend.url);
  // The notice holds up neither the greeting nor calls of ours.
  const ann = await joined(replica, 'ann');
  expect(await ann.subscribe(['A'])).toMatchObject({ ok: true });
  const answers = Array.from({ length: 20 }, (_, n) => ann.call('step', n));
  ann.socket.emit('last');
  expect(await ann.call('unsubscribe')).toMatchObject({ ok: true });
  await until(() => backend.got.length === 1);
  letConnect();
  await Promise.all(answers);
  ann.socket.emit('after');
  ann.close();
  await until(() => backend.of('disconnect').length === 1);
  expect(namesOf(backend.got)).toEqual([
    'connect',
    ...answers.map(() => 'step'),
    'last',
    'after',
    'disconnect',
  ]);
  expect(backend.of('step').map(({ data }) => data)).toEqual(answers.map((_, n) => n));
  expect(new Set(backend.got.map(({ session }) => session))).toEqual(new Set([helloOf(ann)?.session]));
  expect(backend.mostAtOnce()).toBe(1);
});

it('[BR1][SI2] the backend gets the user of the token, whatever the client calls itself, and no token', async () => {
  const backend = await startBackend();
  const replica = await bridged(backend.url, signIn);
  const token = secretToken(claimsOf('ann'));
  const ann = await replica.join({ auth: { token, userId: 'ben' } });
  await ann.call('order', { user: 'ben' });
  expect(backend.of('order')).toMatchObject([{ user: 'ann', data: { user: 'ben' } }]);
  expect(backend.got.filter((got) => JSON.stringify(got).includes(token))).toEqual([]);
});

it('[LM4] events for the backend count as calls, and those beyond the limit are refused', async () => {
  const backend = await startBackend();
  const replica = await bridged(backend.url, { MAX_CALLS_PER_SECOND: '1' });
  const ann = await joined(replica);
  const answers = await Promise.all(Array.from({ length: 30 }, () => ann.call<object>('order')));
  const refused = answers.filter((answer) => 'name' in answer);
  expect(refused.length).toBeGreaterThanOrEqual(10);
  for (const answer of refused) expect(answer).toMatchObject({ name: 'too_many_calls' });
  expect(backend.of('order').length).toBe(30 - refused.length);
});

it('[BR3] the log has no secret and nothing that a client sent', async () => {
  const backend = await startBackend(() => ({ answer: 'dummy-answer' }));
  const replica = await bridged(backend.url);
  const ann = await joined(replica, 'ann');
  await ann.call('order', 'dummy-data');
  backend.respond = (_, response) => void response.writeHead(500).end('dummy-answer');
  await ann.call('order', 'dummy-data');
  await until(() => replica.logs.some((line) => line.includes('HTTP 500')));
  expect(replica.logs.filter((line) => line.includes('dummy') || line.includes('from=test'))).toEqual([]);
});
