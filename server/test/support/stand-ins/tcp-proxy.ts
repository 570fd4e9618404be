/**
 * A TCP proxy between a client and a server on the loopback that does what a bad network does: cuts, delays, holds,
 * swallows and throttles, either way, for one connection or for all. Knows nothing of what passes.
 */
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { listen } from '../../../src/support/listen.ts';
import { createFlow, type Flow, type FlowFault } from './tcp-flow.ts';

/** `up` is from the client to the server. */
export type Way = 'up' | 'down';

/** One client's connection through the proxy. */
export interface ProxyConnection {
  readonly id: number;
  /** Whether something that the client sent in one piece has matched `mark`. */
  readonly marked: boolean;
  /** Adds to what this connection suffers; later ones of the proxy do not. */
  suffer(way: Way | 'both', fault: Partial<FlowFault>): void;
  /** `rst` as a machine that lost its memory, `fin` as a program that ended. */
  cut(how: 'rst' | 'fin'): void;
}

/** Totals since the proxy listens; `heal` sets none of them back. */
export interface ProxyCounts {
  accepted: number;
  /** Ended by `cut`. */
  cut: number;
  /** Bytes that passed. */
  up: number;
  down: number;
  /** Bytes that were taken and never handed on, both ways. */
  swallowed: number;
}

/** A network between clients and one server, sound until a test says otherwise. */
export interface TcpProxy {
  readonly port: number;
  /** Those that are open, the oldest first. */
  connections(): ProxyConnection[];
  /** Every open connection and every later one. */
  suffer(way: Way | 'both', fault: Partial<FlowFault>): void;
  /** Cuts every open connection. */
  cut(how: 'rst' | 'fin'): void;
  /** While false, new connections are reset as soon as they are accepted. */
  accept(open: boolean): void;
  /** Leads new connections to another port, as a name does that resolves anew. Open ones stay. */
  lead(to: number): void;
  /** Back to normal, for all and for new ones. What was held goes on, in order. */
  heal(): void;
  counts(): Readonly<ProxyCounts>;
  /** Cuts what is open and stops listening. */
  close(): Promise<void>;
}

/** Which server the proxy stands before, and which of its connections are marked. */
export interface TcpProxyOptions {
  /** Where the server listens, on the loopback. */
  to: number;
  /** What marks a connection by what its client sends. */
  mark?: RegExp;
}

interface Pair extends ProxyConnection {
  flows: Record<Way, Flow>;
}

const host = '127.0.0.1';

/** Listens on a free port of the loopback. */
export async function startTcpProxy({ to: first, mark }: TcpProxyOptions): Promise<TcpProxy> {
  let to = first;
  const open = new Set<Pair>();
  const counts: ProxyCounts = { accepted: 0, cut: 0, up: 0, down: 0, swallowed: 0 };
  const forAll: Record<Way, Partial<FlowFault>> = { up: {}, down: {} };
  let accepting = true;

  function join(client: Socket): void {
    if (!accepting) {
      client.resetAndDestroy();
      return;
    }
    const server = connect({ port: to, host, allowHalfOpen: true, noDelay: true });
    client.setNoDelay(true);
    let marked = false;
    const flow = (way: Way, from: Socket, into: Socket): Flow =>
      createFlow(from, into, {
        onPassed: (bytes) => (counts[way] += bytes),
        onSwallowed: (bytes) => (counts.swallowed += bytes),
      });
    const flows = { up: flow('up', client, server), down: flow('down', server, client) };
    const end = (how: 'rst' | 'fin'): void => {
      if (!open.delete(pair)) return;
      for (const each of [flows.up, flows.down]) each.close();
      for (const socket of [client, server]) {
        // Before it is connected there is nobody to reset.
        if (how === 'fin') socket.end(() => socket.destroy());
        else if (socket.connecting) socket.destroy();
        else socket.resetAndDestroy();
      }
    };
    const pair: Pair = {
      id: ++counts.accepted,
      get marked() {
        return marked;
      },
      flows,
      suffer: (way, fault) => {
        for (const each of waysOf(way)) flows[each].suffer(fault);
      },
      cut: (how) => {
        counts.cut += 1;
        end(how);
      },
    };
    open.add(pair);
    if (mark !== undefined) client.on('data', (data) => (marked ||= mark.test(String(data))));
    for (const [socket, other] of [
      [client, server],
      [server, client],
    ] as const) {
      socket.on('error', () => end('rst'));
      // A side that is gone whole leaves the other what is still on its way, and then its end.
      socket.on('close', () => other.destroyed && open.delete(pair));
    }
    for (const way of ['up', 'down'] as const) flows[way].suffer(forAll[way]);
  }

  const listener = createServer({ allowHalfOpen: true }, join);
  const port = await listen(listener, { host, port: 0 });

  const cut = (how: 'rst' | 'fin'): void => {
    for (const pair of open) pair.cut(how);
  };

  return {
    port,
    connections: () => [...open],
    suffer: (way, fault) => {
      for (const each of waysOf(way)) Object.assign(forAll[each], fault);
      for (const pair of open) pair.suffer(way, fault);
    },
    cut,
    accept: (isOpen) => void (accepting = isOpen),
    lead: (toPort) => void (to = toPort),
    heal: () => {
      accepting = true;
      for (const way of ['up', 'down'] as const) {
        forAll[way] = {};
        for (const pair of open) pair.flows[way].heal();
      }
    },
    counts: () => counts,
    close: async () => {
      cut('rst');
      if (!listener.listening) return;
      const closed = once(listener, 'close');
      listener.close();
      await closed;
    },
  };
}

function waysOf(way: Way | 'both'): Way[] {
  return way === 'both' ? ['up', 'down'] : [way];
}
