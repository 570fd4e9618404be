/** What one address may have too much of, and who sends as slowly as can be. The limits are those of `nginx.test.ts`. */
import type { Row } from '../row.ts';

export type CrowdRow = Row<
  {
    /** Where it comes from; the trusted address where it does not say. */
    from?: string;
    count: number;
    /** Of the n-th. */
    path: string | ((n: number) => string);
    headers?: (n: number) => Record<string, string>;
    /** Asks for WebSockets and keeps them. */
    open?: boolean;
  },
  /** How many are not refused with 429, and how many more with each second that it takes. */
  { taken: number; perSecond: number }
>;

const polling = '/socket.io/?EIO=4&transport=polling';
const webSocket = '/socket.io/?EIO=4&transport=websocket';
/** The first, and a burst of five seconds' worth. */
const handshakes = { taken: 6, perSecond: 1 };
/** The first, and a burst of two seconds' worth. */
const calls = { taken: 3, perSecond: 1 };
const just = (taken: number) => ({ taken, perSecond: 0 });

export const crowdRows: readonly CrowdRow[] = [
  { name: 'handshakes', send: { from: '127.0.0.21', count: 20, path: polling }, expect: handshakes },
  {
    name: 'handshakes with a secret in the query',
    send: { from: '127.0.0.22', count: 20, path: `${polling}&password=dummy-password-1&api_key=dummy-key-1` },
    expect: handshakes,
  },
  {
    name: 'handshakes that claim to come from a trusted network',
    send: {
      from: '127.0.0.23',
      count: 20,
      path: polling,
      headers: () => ({ 'X-Forwarded-For': '127.0.0.1', 'X-Real-IP': '127.0.0.1' }),
    },
    expect: handshakes,
  },
  {
    name: 'handshakes that each claim another address',
    send: {
      from: '127.0.0.24',
      count: 20,
      path: polling,
      headers: (n) => ({ 'X-Forwarded-For': `203.0.113.${n}`, Forwarded: `for=203.0.113.${n}` }),
    },
    expect: handshakes,
  },
  {
    name: 'handshakes that each bring another cid',
    send: { from: '127.0.0.25', count: 20, path: (n) => `${polling}&cid=${n}` },
    expect: handshakes,
  },
  {
    name: 'API calls',
    send: { from: '127.0.0.26', count: 12, path: '/api/ticks?symbols=AAPL' },
    expect: calls,
  },
  {
    name: 'API calls in capitals',
    send: { from: '127.0.0.27', count: 12, path: '/API/ticks?symbols=AAPL' },
    expect: calls,
  },
  { name: 'pages', send: { from: '127.0.0.28', count: 12, path: '/' }, expect: calls },
  {
    name: 'WebSockets',
    send: { from: '127.0.0.29', count: 6, path: webSocket, open: true },
    expect: just(4),
  },
  { name: 'handshakes from a trusted network', send: { count: 40, path: polling }, expect: just(40) },
  {
    name: 'API calls from a trusted network',
    send: { count: 40, path: '/api/ticks?symbols=AAPL' },
    expect: just(40),
  },
  {
    name: 'WebSockets from a trusted network',
    send: { count: 20, path: webSocket, open: true },
    expect: just(20),
  },
];

/** Connections that begin so and go on with a byte each second; how long they live at least, in milliseconds: an honest client may be slow too. */
export const slowRows: readonly Row<{ count: number; from: string; start: string }, number>[] = [
  {
    name: 'headers that never end',
    send: { count: 200, from: '127.0.0.31', start: 'GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ' },
    expect: 9_000,
  },
  {
    name: 'a first line that never ends',
    send: { count: 100, from: '127.0.0.32', start: 'GET /' },
    expect: 9_000,
  },
];
