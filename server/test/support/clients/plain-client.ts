/** A plain WebSocket client, of the `ws` library, that keeps every object from its first moment and checks the order of ticks. */
import { WebSocket, type ClientOptions } from 'ws';
import type { Quote, Tick } from '../../../protocol/index.ts';
import { createOrderCheck } from '../checks/order.ts';
import { until } from '../until.ts';

/** One object as it came; the rest of its fields go by its type. */
export type PlainMessage = Record<string, unknown> & { type: string };

/** A client of `/stream`. Waits reject after `withinMs` milliseconds, 5,000 by default, and say what came last. */
export interface PlainClient {
  readonly socket: WebSocket;
  readonly messages: readonly PlainMessage[];
  of<T = PlainMessage>(type: string): T[];
  ticks(symbol?: string): Tick[];
  /** What is wrong with the ticks so far by [W2], [W3] and [SB5], in words. */
  faults(): string[];
  /** Pings of the server so far. */
  pings(): number;
  /** Resolves when objects of that type have come at least `count` times. */
  seen(type: string, count?: number, withinMs?: number): Promise<void>;
  send(text: string): void;
  /** Resolves with the code and reason of the close. */
  closed(withinMs?: number): Promise<{ code: number; reason: string }>;
  close(): void;
}

/** The answer of HTTP where there was no upgrade. */
export interface Unupgraded {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  problem: unknown;
}

/** Those of `ws`, and the subprotocols to offer. */
export interface PlainClientOptions extends ClientOptions {
  protocols?: string[];
}

/** Connects at once; `path` is what follows the address, as `/stream/BTC-USD`. */
export function createPlainClient(
  url: string,
  path: string,
  { protocols = [], ...options }: PlainClientOptions = {},
): PlainClient {
  const messages: PlainMessage[] = [];
  const order = createOrderCheck();
  const socket = new WebSocket(url.replace(/^http/, 'ws').replace(/\/$/, '') + path, protocols, options);
  let pings = 0;
  let end: { code: number; reason: string } | null = null;

  socket.on('message', (data: Buffer, isBinary: boolean) => {
    if (isBinary) throw new Error('a binary frame');
    const message = JSON.parse(data.toString()) as PlainMessage;
    messages.push(message);
    if (message.type === 'quote') order.placed([message as unknown as Quote]);
    if (message.type === 'tick') order.arrived(message as unknown as Tick);
  });
  socket.on('ping', () => void pings++);
  socket.on('error', () => {});
  socket.on('close', (code, reason) => void (end = { code, reason: reason.toString() }));

  const of = <T = PlainMessage>(type: string): T[] => messages.filter((one) => one.type === type) as T[];
  return {
    socket,
    messages,
    of,
    ticks: (symbol) => of<Tick>('tick').filter((tick) => symbol === undefined || tick.symbol === symbol),
    faults: () => order.faults(),
    pings: () => pings,
    seen: async (type, count = 1, withinMs = 5_000) => {
      await until(() => of(type).length >= count, { withinMs, saw: () => [messages.slice(-5), end] });
    },
    send: (text) => socket.send(text),
    closed: (withinMs = 5_000) => until(() => end, { withinMs, saw: () => messages.slice(-5) }),
    close: () => socket.terminate(),
  };
}

/** What HTTP answers to the upgrade; rejects where there was one. */
export function refusedUpgrade(
  url: string,
  path: string,
  { protocols = [], ...options }: PlainClientOptions = {},
): Promise<Unupgraded> {
  const socket = new WebSocket(url.replace(/^http/, 'ws').replace(/\/$/, '') + path, protocols, options);
  return new Promise((resolve, reject) => {
    socket.on('open', () => {
      socket.terminate();
      reject(new Error(`${path} was upgraded`));
    });
    socket.on('error', reject);
    socket.on('unexpected-response', (_request, response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString()));
      response.on('end', () => {
        const { statusCode: status = 0, headers } = response;
        resolve({ status, headers, problem: text === '' ? null : JSON.parse(text) });
      });
    });
  });
}
