/** Plain WebSockets that ask for what is not there, send what nobody takes, or break the protocol, through Nginx. */
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { codes, type CodeName } from '../../protocol/index.ts';
import { createPlainClient, refusedUpgrade, type PlainClient } from '../support/plain-client.ts';
import { openRawWebSocket } from '../support/raw-web-socket.ts';
import { until } from '../support/until.ts';
import { oddStreamRows, streamAddressRows, streamMessageRows } from './catalogue/stream-rows.ts';
import { frameRows } from './catalogue/wire-rows.ts';
import { startWatchedCluster, type WatchedCluster } from './watched-cluster.ts';

let cluster: WatchedCluster;

function stream(path: string): PlainClient {
  const client = createPlainClient(cluster.url, path);
  onTestFinished(() => client.close());
  return client;
}

/** What the address is answered: the refusal, or the status of Nginx. */
function answerOf(expected: CodeName | number): object {
  if (typeof expected === 'number') return { status: expected };
  const { status, code, retry } = codes[expected];
  return { status, problem: { status, code, name: expected, retry } };
}

/** What a message is answered: the refusal of all of it, or of one symbol. */
function answerTo(expected: CodeName | readonly [symbol: string, refusal: CodeName]): object {
  if (typeof expected === 'string') {
    const { code, retry } = codes[expected];
    return { type: 'error', code, name: expected, retry, symbols: ['AAPL'] };
  }
  const [symbol, name] = expected;
  const results = { [symbol]: { ok: false, code: codes[name].code, name } };
  return { type: 'subscribed', symbols: ['AAPL'], results };
}

beforeAll(async () => {
  cluster = await startWatchedCluster();
});
afterAll(() => cluster.stop());

describe('stream', () => {
  for (const [name, path, expected] of streamAddressRows)
    it(`[PW1][PW2] address: ${name}`, async () => {
      const answer = await refusedUpgrade(cluster.url, path);
      expect(answer).toMatchObject(answerOf(expected));
      expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
      expect(answer.headers).not.toHaveProperty('x-injected');
      expect(JSON.stringify(answer)).not.toContain('dummy');
      await cluster.unharmed();
    });

  it('[PW1][CN1] a page of another origin', async () => {
    const answer = await refusedUpgrade(cluster.url, '/stream/AAPL', { origin: 'https://evil.example' });
    expect(answer).toMatchObject({ status: 403, problem: { name: 'origin_not_allowed' } });
    await cluster.unharmed();
  });

  for (const [name, path, symbols] of oddStreamRows)
    it(`[PW2] odd: ${name}`, async () => {
      const client = stream(path);
      await client.seen('tick');
      expect(client.of('subscribed')).toMatchObject([{ symbols }]);
      expect(client.faults()).toEqual([]);
      await cluster.unharmed();
    });

  for (const [name, message, expected] of streamMessageRows)
    it(`[PW4] message: ${name}`, async () => {
      const client = stream('/stream/AAPL');
      await client.seen('subscribed');
      client.socket.send(message);
      const told = answerTo(expected);
      await until(() => client.of('error').length + client.of('subscribed').length === 2);
      expect([...client.of('error'), ...client.of('subscribed').slice(1)]).toMatchObject([told]);
      await client.seen('tick', client.ticks().length + 1);
      expect(client.faults()).toEqual([]);
      await cluster.unharmed();
    });
});

describe('stream frames', () => {
  for (const [name, bytes, status] of frameRows)
    it(`[PW5][CN3] frame: ${name}`, async () => {
      const socket = await openRawWebSocket(cluster.port, { path: '/stream', query: '' });
      onTestFinished(() => socket.close());
      socket.tcp.write(bytes);
      expect(await socket.ended()).toBe(status);
      await cluster.unharmed();
    });

  it('no secret is in any log, and nothing crashed', async () => {
    expect(await cluster.endAndFindLeaks()).toEqual([]);
  });
});
