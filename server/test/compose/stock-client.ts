/** A stock socket.io-client that remembers what it was told, so that a test misses nothing. */
import { io, type ManagerOptions, type Socket, type SocketOptions } from 'socket.io-client';
import { until } from '../support/until.ts';
import type { Hello, SubscribeAck, Tick } from '../../protocol/index.ts';

export interface StockClient {
  readonly socket: Socket;
  /** The node of each connection so far, the present one last. */
  readonly nodes: string[];
  readonly ticks: Tick[];
  /** Waits until another `count` ticks of the symbol have come, whichever connection brings them. */
  nextTicks(symbol: string, count: number): Promise<Tick[]>;
  /** Waits until it is connected and told its node for the `count`th time. */
  connectedTimes(count: number): Promise<void>;
  close(): void;
}

const deadlineMs = 30_000;

/** Connects, and subscribes on each connection as a page of people's own would. */
export function createStockClient(
  url: string,
  symbols: string[],
  options: Partial<ManagerOptions & SocketOptions> = {},
): StockClient {
  const socket = io(url, { forceNew: true, ...options });
  const nodes: string[] = [];
  const ticks: Tick[] = [];
  const errors: string[] = [];
  socket.on('hello', ({ node }: Hello) => nodes.push(node));
  socket.on('tick', (tick: Tick) => ticks.push(tick));
  socket.on('connect_error', (error) => errors.push(error.message));
  socket.on('connect', () => socket.emit('subscribe', symbols, (_ack: SubscribeAck) => {}));
  const seen = () => `nodes ${nodes.join(' ')}, ${ticks.length} ticks, errors ${errors.slice(-3).join(', ')}`;

  return {
    socket,
    nodes,
    ticks,
    nextTicks: async (symbol, count) => {
      const from = ticks.length;
      const news = () => ticks.slice(from).filter((tick) => tick.symbol === symbol);
      await until(() => news().length >= count, {
        withinMs: deadlineMs,
        otherwise: () => `${count} more ticks of ${symbol} did not come: ${seen()}`,
      });
      return news();
    },
    connectedTimes: async (count) => {
      await until(() => socket.connected && nodes.length >= count, {
        withinMs: deadlineMs,
        otherwise: () => `not connected for the ${count}. time: ${seen()}`,
      });
    },
    close: () => void socket.disconnect(),
  };
}
