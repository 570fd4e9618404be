/** The HTTP API on true replicas: every operation of the served document is called, and each answer is as the document says. */
import { describe, expect, it, onTestFinished } from 'vitest';
import { readApiDocument } from '../support/checks/api-document.ts';
import { createPlainClient } from '../support/clients/plain-client.ts';
import { until } from '../support/until.ts';
import { apiKey, healthOf, startClusterForFile } from './cluster-under-test.ts';

/** One call and the status that it is to get; without a body there is none. */
interface Call {
  path: string;
  status: number;
  headers?: Record<string, string>;
  body?: unknown;
}

interface Calls {
  good: Call[];
  bad: Call;
}

const tick = { symbol: 'DEMO', price: '1.50' };

/** By the operation's id, in the order of the calls. */
const calls: Record<string, Calls> = {
  putTicks: {
    good: [
      { path: '/api/ticks', body: [tick], status: 200 },
      { path: '/api/ticks', body: [tick], headers: { 'Idempotency-Key': 'once' }, status: 200 },
      { path: '/api/ticks', body: [tick], headers: { 'Idempotency-Key': 'once' }, status: 200 },
      {
        path: '/api/ticks',
        body: [{ ...tick, price: '2' }],
        headers: { 'Idempotency-Key': 'once' },
        status: 409,
      },
      { path: '/api/ticks', body: [{ ...tick, symbol: 'AAPL' }], status: 409 },
      { path: '/api/ticks', body: [{ ...tick, symbol: 'NOPE' }], status: 404 },
    ],
    bad: { path: '/api/ticks', body: [{ ...tick, price: 'abc' }], status: 400 },
  },
  getTicks: {
    good: [
      { path: '/api/ticks', status: 200 },
      { path: '/api/ticks?symbols=demo,AAPL', status: 200 },
      { path: '/api/ticks?symbols=NOPE', status: 404 },
    ],
    bad: { path: '/api/ticks?symbols=no%20such', status: 400 },
  },
  listSymbols: {
    good: [{ path: '/api/symbols', status: 200 }],
    bad: { path: '/api/symbols?retired', status: 400 },
  },
  addSymbol: {
    good: [
      { path: '/api/symbols/FRESH', body: { feed: 'push' }, status: 201 },
      { path: '/api/symbols/fresh', status: 200 },
      { path: '/api/symbols/FRESH', body: { feed: 'simulator' }, status: 409 },
    ],
    bad: { path: '/api/symbols/FRESH', body: { feed: 7 }, status: 400 },
  },
  retireSymbol: {
    good: [
      { path: '/api/symbols/FRESH', status: 200 },
      { path: '/api/symbols/FRESH', status: 200 },
      { path: '/api/symbols/NEVER', status: 404 },
    ],
    bad: { path: '/api/symbols/no%20such', status: 400 },
  },
  pauseFeed: {
    good: [
      { path: '/api/feed/pause', status: 200 },
      { path: '/api/feed/pause', body: {}, status: 200 },
    ],
    bad: { path: '/api/feed/pause', body: { now: true }, status: 400 },
  },
  resumeFeed: {
    good: [{ path: '/api/feed/resume', status: 200 }],
    bad: { path: '/api/feed/resume?now=1', status: 400 },
  },
  sendMessage: {
    good: [
      { path: '/api/message', body: { userId: 'ann', event: 'order', data: { id: 1 } }, status: 200 },
      { path: '/api/message', body: { all: true }, status: 200 },
      { path: '/api/message', body: { symbol: 'NOPE' }, status: 404 },
    ],
    bad: { path: '/api/message', body: { userId: 'user:*' }, status: 400 },
  },
  sendQuote: {
    good: [
      { path: '/api/quote', body: { userId: 'ann', symbol: 'DEMO' }, status: 200 },
      { path: '/api/quote', body: { userId: 'nobody', symbol: 'DEMO' }, status: 404 },
    ],
    bad: { path: '/api/quote', body: { userId: 'ann' }, status: 400 },
  },
  listNodes: {
    good: [{ path: '/api/nodes', status: 200 }],
    bad: { path: '/api/nodes?node=r1', status: 400 },
  },
  countConnections: {
    good: [
      { path: '/api/stats/connections', status: 200 },
      { path: '/api/stats/connections?user=ann', status: 200 },
    ],
    bad: { path: '/api/stats/connections?user=user%3A*', status: 400 },
  },
  getStatus: {
    good: [{ path: '/api/status', status: 200 }],
    bad: { path: '/api/status?nodes=1', status: 400 },
  },
  disconnectUser: {
    good: [
      { path: '/api/users/ann/disconnect', status: 200 },
      { path: '/api/users/nobody/disconnect', status: 200 },
      { path: '/api/users/auth0%7C5f7c/disconnect', status: 200 },
    ],
    bad: { path: '/api/users/user%3A*/disconnect', status: 400 },
  },
  drainNode: {
    good: [
      { path: '/api/nodes/nobody/drain', status: 404 },
      { path: '/api/nodes/r2/drain', status: 202 },
    ],
    bad: { path: '/api/nodes/%zz/drain', status: 400 },
  },
};

describe('the HTTP API', () => {
  const theCluster = startClusterForFile({ replicas: 2, env: { MAX_CONNECTIONS_PER_USER: '2' } });
  function pair() {
    const [first, second] = theCluster().replicas;
    if (first === undefined || second === undefined) throw new Error('fewer than two replicas');
    return { ...theCluster(), first, second };
  }

  it("[US2] disconnects a user on every replica for good, and frees the user's seats", async () => {
    const { first, second } = pair();
    const connect = (url: string, userId: string) => theCluster().connect({ auth: { userId } }, url);
    const anns = [connect(first.url, 'ann'), connect(second.url, 'ann')];
    const ben = connect(second.url, 'ben');
    await Promise.all([...anns, ben].map((client) => client.seen('feed', 1, 10_000)));
    const plain = createPlainClient(second.url, '/stream/DEMO?user=cem');
    onTestFinished(() => plain.close());
    await plain.seen('feed');
    const disconnect = async (url: string, user = 'ann'): Promise<unknown> => {
      const answer = await fetch(`${url}/api/users/${user}/disconnect`, {
        method: 'POST',
        headers: { 'X-API-Key': apiKey },
      });
      return answer.json();
    };
    expect(await disconnect(first.url)).toEqual({ disconnected: 2 });
    for (const { socket } of anns) await until(() => !socket.connected && !socket.active);
    expect(anns.map((client) => client.of('refused'))).toEqual(
      anns.map(() => [expect.objectContaining({ name: 'disconnected', code: 4323, retry: 'never' })]),
    );
    expect(await disconnect(second.url)).toEqual({ disconnected: 0 });
    expect(await disconnect(first.url, 'cem')).toEqual({ disconnected: 1 });
    expect(await plain.closed()).toEqual({ code: 1008, reason: 'disconnected' });
    expect(plain.of('refused')).toMatchObject([{ name: 'disconnected' }]);
    expect(ben.socket.connected).toBe(true);
    const again = [connect(second.url, 'ann'), connect(second.url, 'ann')];
    await Promise.all(again.map((client) => client.seen('feed', 1, 10_000)));
  });

  it('[AP1] every operation answers as the API document says, for good and bad calls', async () => {
    const { url, first, second } = pair();
    const { operations, faultsOf } = await readApiDocument(url);
    expect(operations.map(({ id }) => id).toSorted()).toEqual(Object.keys(calls).toSorted());
    // The document is no rubber stamp.
    expect(await faultsOf('listNodes', Response.json({ nodes: [{ node: 'r1' }] }))).toContainEqual(
      expect.stringContaining("must have required property 'connections'"),
    );
    await until(async () => (await healthOf(first.url)).leader.node !== null, { withinMs: 10_000 });
    const ann = theCluster().connect({ auth: { userId: 'ann' }, reconnection: false }, second.url);
    await ann.seen('feed');

    let turn = 0;
    /** At one replica after the other; gives what is wrong with the answer. */
    async function faultsIn(id: string, call: Call, key: string | null = apiKey): Promise<string[]> {
      const { method = '' } = operations.find((one) => one.id === id) ?? {};
      // The last calls drain the second replica, so they go to the first.
      const asked = id === 'drainNode' || turn++ % 2 === 0 ? first : second;
      const answer = await fetch(asked.url + call.path, {
        method,
        headers: {
          ...(key !== null && { 'X-API-Key': key }),
          ...(call.body !== undefined && { 'Content-Type': 'application/json' }),
          ...call.headers,
        },
        ...(call.body !== undefined && { body: JSON.stringify(call.body) }),
      });
      const name = `${method} ${call.path} ${key === null ? 'without a key' : ''}`;
      const wrong = answer.status === call.status ? [] : [`${answer.status} and not ${call.status}`];
      return [...wrong, ...(await faultsOf(id, answer))].map((fault) => `${name}: ${fault}`);
    }

    const faults: string[] = [];
    for (const [id, { good, bad }] of Object.entries(calls)) {
      const [plain] = good;
      if (plain === undefined) throw new Error(`no call of ${id}`);
      // A price that is to be sent has to be there, on this replica too.
      if (id === 'sendQuote') await until(async () => (await faultsIn(id, plain)).length === 0);
      if (id !== 'getTicks' && id !== 'listSymbols')
        faults.push(...(await faultsIn(id, { ...plain, status: 401 }, null)));
      faults.push(
        ...(await faultsIn(id, { ...plain, path: `${plain.path}?api_key=${apiKey}`, status: 401 })),
      );
      faults.push(...(await faultsIn(id, { ...plain, headers: { 'X-API-Key': 'wrong' }, status: 401 })));
      faults.push(...(await faultsIn(id, bad)));
      for (const call of good) faults.push(...(await faultsIn(id, call)));
    }
    expect(faults).toEqual([]);
  });
});
