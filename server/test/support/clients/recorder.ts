/** A stock Socket.IO client that keeps every event from its first moment, and checks the order of ticks as they come. */
import { io, type ManagerOptions, type Socket, type SocketOptions } from 'socket.io-client';
import type { Hello, Snapshot, SubscribeAck, Tick } from '../../../protocol/index.ts';
import { createOrderCheck } from '../checks/order.ts';
import { until } from '../until.ts';

/** One event with its first argument. */
export interface Recorded {
  event: string;
  payload: unknown;
  /** Epoch milliseconds of the arrival. */
  at: number;
}

/** A stock client and all that it got, over its reconnects too. */
export interface Recorder {
  readonly socket: Socket;
  readonly events: readonly Recorded[];
  /** Payloads of every event of that name so far. */
  of<T = unknown>(event: string): T[];
  ticks(symbol?: string): Tick[];
  /** What is wrong with the ticks so far by [W2], [W3] and [SB5]: repeats, falls and holes, in words. */
  faults(): string[];
  hellos(): Hello[];
  subscribe(payload: unknown): Promise<SubscribeAck>;
  /** Subscribes now and after every reconnect, as a page with a stock client does. */
  follow(symbols: readonly string[]): void;
  /** Any call with an answer; rejects where none comes within two seconds. */
  call<T>(event: string, ...args: unknown[]): Promise<T>;
  /** Resolves when the event has come at least `count` times. */
  seen(event: string, count?: number, withinMs?: number): Promise<void>;
  close(): void;
}

/** Connects at once; the options are the stock ones. */
export function createRecorder(url: string, options: Partial<ManagerOptions & SocketOptions> = {}): Recorder {
  const events: Recorded[] = [];
  const order = createOrderCheck();
  const socket = io(url, { forceNew: true, ...options });

  socket.onAny((event: string, payload: unknown) => {
    events.push({ event, payload, at: Date.now() });
    if (event === 'snapshot') order.placed((payload as Snapshot).quotes);
    if (event === 'tick') order.arrived(payload as Tick);
  });

  const of = <T>(event: string): T[] =>
    events.filter((one) => one.event === event).map(({ payload }) => payload as T);
  const call = <T>(event: string, ...args: unknown[]): Promise<T> =>
    socket.timeout(2_000).emitWithAck(event, ...args) as Promise<T>;

  return {
    socket,
    events,
    of,
    ticks: (symbol) => of<Tick>('tick').filter((tick) => symbol === undefined || tick.symbol === symbol),
    faults: () => order.faults(),
    hellos: () => of<Hello>('hello'),
    subscribe: (payload) => call('subscribe', payload),
    follow: (symbols) => {
      const ask = (): void => void socket.emit('subscribe', symbols);
      socket.on('connect', ask);
      if (socket.connected) ask();
    },
    call,
    seen: async (event, count = 1, withinMs = 15_000) => {
      await until(() => of(event).length >= count, { withinMs, saw: () => events.map((one) => one.event) });
    },
    close: () => void socket.disconnect(),
  };
}
