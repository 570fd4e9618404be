/**
 * The side door behind a true HTTP server on 127.0.0.1, for the http stage's tests: what a replica would hand it is
 * set by the test, and what it was handed and logged is kept.
 */
import { connect } from 'node:net';
import { afterEach, beforeEach } from 'vitest';
import { z } from 'zod';
import { createHttpApp, type HttpAppOptions } from '../../../src/http/app.ts';
import { createHttpServer } from '../../../src/http/http-server.ts';
import type { Vitals } from '../../../src/http/health.ts';
import type { Push, PushOutcome } from '../../../src/http/ticks.ts';
import { listen } from '../../../src/support/listen.ts';
import { createKeptLog } from './kept-log.ts';
import { anonymous } from '../../../src/users/identity.ts';

/** The key that the served application takes, unless the test sets others. */
export const testKey = 'test-key-0123456789';

/** How a replica is in which all is well. */
export const goodVitals: Vitals = {
  node: 'n1',
  uptimeMs: 12_345,
  connections: 3,
  backplane: { kind: 'local', state: { at: 'up' } },
  leader: { node: 'n1', epoch: 4 },
  isLeading: true,
  feed: {
    state: 'live',
    since: 1_700_000_000_000,
    reason: '',
    sources: [{ name: 'push', state: 'live', symbols: ['ACME', 'DEMO'] }],
  },
  isDraining: false,
  arePricesKnown: true,
};

/** The side door at its address, and what came of the calls to it. */
export interface ServedApp {
  url: string;
  /** What was handed to the leader, in order. */
  pushes: Push[];
  /** The log's lines, parsed. */
  lines: unknown[];
  get(path: string, init?: RequestInit): Promise<Response>;
  /** Puts the body to `/api/ticks` with the test key; headers that are given win. */
  put(body: string | Uint8Array<ArrayBuffer>, headers?: Record<string, string>): Promise<Response>;
  /** Writes the bytes as they are and gives all that comes until the server ends the connection. */
  raw(...parts: (string | Buffer)[]): Promise<string>;
  close(): Promise<void>;
}

const problem = z.strictObject({
  type: z.string().startsWith('urn:tickwire:problem:'),
  title: z.string(),
  status: z.number(),
  detail: z.string(),
  code: z.number(),
  name: z.string(),
  retry: z.enum(['now', 'later', 'never']),
});

/** The answer as the problem that it must be: media type, form, and the status in both places. */
export async function problemOf(answer: Response): Promise<z.output<typeof problem>> {
  const type = answer.headers.get('content-type') ?? '';
  if (!type.startsWith('application/problem+json'))
    throw new Error(`${answer.status} ${type} is no problem: ${await answer.text()}`);
  const body = problem.parse(await answer.json());
  if (body.status !== answer.status) throw new Error(`${body.status} is said in an answer ${answer.status}`);
  return body;
}

/** A push that the store accepted as each symbol's tick 1. */
export function acceptAll({ ticks }: Push): Promise<PushOutcome> {
  return Promise.resolve({
    ok: true,
    ticks: ticks.map(({ symbol }) => ({ symbol, gen: 'abc123', seq: 1 })),
    replayed: false,
  });
}

/** Serves the application; options that are not given stand for a replica in which all is well. */
export async function serveApp(options: Partial<HttpAppOptions> = {}): Promise<ServedApp> {
  const pushes: Push[] = [];
  const { lines, log } = createKeptLog({ level: 'debug' });
  const { push = acceptAll, symbols = () => ['ACME', 'DEMO'], ...others } = options;
  const app = createHttpApp({
    log,
    trustedProxies: 0,
    corsOrigins: [],
    clientRoot: '/nonexistent',
    vitals: () => goodVitals,
    apiKeys: [{ name: 'tests', key: testKey }],
    maxBodyBytes: 131_072,
    callCounts: { take: () => Promise.resolve(0) },
    keyCallsPerSecond: 500,
    userCallsPerSecond: 20,
    addressCallsPerSecond: 100,
    trustedNetworks: ['127.0.0.0/8'],
    clock: { now: () => Date.now() },
    authenticate: () => Promise.resolve(anonymous),
    symbols,
    whyUnlisted: (symbol) => (symbols().includes(symbol) ? null : 'unknown_symbol'),
    retired: () => [],
    changeList: () => Promise.resolve({ ok: true, isChange: true, feed: 'push' }),
    quotes: () => [],
    proveSession: () => Promise.resolve({ at: 'none' }),
    sendMessage: () => Promise.resolve({ ok: true, delivered: 0 }),
    sendQuote: () => Promise.resolve({ ok: true, delivered: 0 }),
    countConnections: () => Promise.resolve({ nodes: [], incomplete: [] }),
    pauseFeed: () => Promise.resolve({ ok: true, isChange: true }),
    disconnectUser: () => Promise.resolve({ ok: true, disconnected: 0 }),
    feed: () => goodVitals.feed,
    nodes: () => [{ node: 'n1', connections: 3, users: 1, anonymous: 2, isLeaving: false, uptimeMs: 12_345 }],
    drainNode: (node) => Promise.resolve(node === 'n1' ? 'told' : 'unknown'),
    onApiAnswer: () => {},
    metrics: { contentType: 'text/plain; version=0.0.4; charset=utf-8', text: () => Promise.resolve('') },
    push: (batch) => {
      pushes.push(batch);
      return push(batch);
    },
    ...others,
  });
  const server = createHttpServer(app, log);
  const port = await listen(server, { host: '127.0.0.1', port: 0 });
  const url = `http://127.0.0.1:${port}`;

  return {
    url,
    pushes,
    lines,
    get: (path, init) => fetch(url + path, init),
    put: (body, headers = {}) =>
      fetch(`${url}/api/ticks`, {
        method: 'PUT',
        body,
        headers: { 'Content-Type': 'application/json', 'X-API-Key': testKey, ...headers },
      }),
    raw: (...parts) =>
      new Promise((resolve, reject) => {
        let answer = '';
        const socket = connect(port, '127.0.0.1', () => {
          for (const part of parts) socket.write(part);
        });
        socket.setEncoding('utf8');
        socket.on('data', (text: string) => void (answer += text));
        socket.on('close', () => resolve(answer));
        socket.on('error', reject);
      }),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Serves the application for each test of a file; `serve` replaces it with one that has other options. */
export function serveEachTest(optionsOf: () => Partial<HttpAppOptions> = () => ({})) {
  const app = {} as ServedApp;
  beforeEach(async () => {
    Object.assign(app, await serveApp(optionsOf()));
  });
  afterEach(() => app.close());
  return Object.assign(app, {
    async serve(options: Partial<HttpAppOptions>): Promise<void> {
      await app.close();
      Object.assign(app, await serveApp(options));
    },
  });
}

/** A backplane that cannot be reached. */
export const backplaneDown = {
  kind: 'redis',
  state: { at: 'down', since: 7, reason: 'Redis does not answer' },
} as const;
