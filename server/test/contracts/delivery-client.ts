/** A stock Socket.IO client that keeps all that it is told, and what of it two servers must have in common. */
import { io, type Socket } from 'socket.io-client';
import type { Tick } from '../../protocol/index.ts';
import { until } from '../support/until.ts';
import type { ClientAuth } from './delivery-node.ts';

export interface ClientPlan extends ClientAuth {
  node: number;
  transports: string[];
  namespace?: string;
}

export interface DeliveryClient {
  readonly plan: ClientPlan;
  readonly socket: Socket;
  /** Each event with its arguments, in the order of arrival. */
  readonly events: unknown[][];
  ticks(): Tick[];
  /** How many events had come when it upgraded; null before. */
  upgradedAfter(): number | null;
  /** Resolves when the server's fence came, or the client was disconnected. */
  fenced(): Promise<void>;
  close(): void;
}

/** Resolves when it is connected, in its rooms, and was answered once. */
export async function openDeliveryClient(url: string, plan: ClientPlan): Promise<DeliveryClient> {
  const { name, rooms, early, transports, namespace = '/' } = plan;
  const socket = io(url + namespace, {
    forceNew: true,
    reconnection: false,
    transports,
    auth: { name, rooms, early } satisfies ClientAuth,
  });
  const events: unknown[][] = [];
  let isFenced = false;
  let isReady = false;
  let upgradedAfter: number | null = null;
  socket.io.engine.once('upgrade', () => (upgradedAfter = events.length));
  socket.onAny((event: string, ...args: unknown[]) => {
    if (event === 'fence') isFenced = true;
    else if (event === 'ready') isReady = true;
    else {
      const answer = args.at(-1);
      if (typeof answer === 'function') {
        answer(name);
        args[args.length - 1] = '(answered)';
      }
      events.push([event, ...args]);
    }
  });
  socket.on('disconnect', (reason) => void events.push(['(disconnected)', reason]));
  await until(() => isReady);
  await socket.timeout(5_000).emitWithAck('hi');
  return {
    plan,
    socket,
    events,
    ticks: () => events.filter(([event]) => event === 'tick').map(([, tick]) => tick as Tick),
    upgradedAfter: () => upgradedAfter,
    fenced: async () => {
      await until(() => isFenced || socket.disconnected, {
        saw: () => ({ name, events: events.slice(-5) }),
      });
    },
    close: () => void socket.disconnect(),
  };
}

/**
 * What came, whatever was merged and however events of several kinds fell: each symbol's ticks, a merged one as all that it
 * stands for, and every other event, in their order. Where `known` was for this client, a merged tick stands for those alone.
 */
export function coverage(
  { events }: Pick<DeliveryClient, 'events'>,
  known?: Readonly<Record<string, readonly unknown[]>>,
): Record<string, unknown[]> {
  const covered: Record<string, unknown[]> = {};
  for (const [event, ...args] of events) {
    const [tick] = args as [Tick | null | undefined];
    const isTick =
      event === 'tick' && typeof tick === 'object' && tick !== null && Number.isInteger(tick.seq);
    const name = isTick ? `tick of ${tick.symbol}` : String(event);
    const line = (covered[name] ??= []);
    if (!isTick) line.push(args);
    else {
      for (let seq = tick.seq - (tick.merged ?? 0); seq < tick.seq; seq++)
        if (known === undefined || known[name]?.includes(seq) === true) line.push(seq);
      line.push(tick.seq);
    }
  }
  return covered;
}
