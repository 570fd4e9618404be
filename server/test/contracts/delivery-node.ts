/**
 * One Socket.IO server whose adapter is wrapped by the fan-out, or left as it is: what delivery.contract.ts compares. A
 * client says in `auth` who it is and which rooms it is in; those of `early` it joins in a middleware, before it is connected.
 */
import type { EventEmitter } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Server } from 'socket.io';
import type { BroadcastOptions } from 'socket.io-adapter';
import { tickRoom, type Tick } from '../../protocol/index.ts';
import type { AdapterClass, AdapterFactory, AdapterMixin } from '../../src/backplane/contract.ts';
import { createFanout } from '../../src/fanout/fanout.ts';
import { Batch, encodeBatch } from '../../src/log/batch.ts';
import { systemClock as clock } from '../../src/support/clock.ts';
import { createLog, type Log } from '../../src/support/log.ts';
import { daysOf } from '../support/stand-ins/log-batches.ts';
import { until } from '../support/until.ts';
import { deliveryScripts, type Scene, type ScriptName } from './delivery-scripts.ts';

export interface ClientAuth {
  name: string;
  rooms: string[];
  early: string[];
}

export interface DeliveryNode {
  readonly url: string;
  /** Runs the script when every poll waits for its answer; resolves with what it noted until it returned. */
  run(script: ScriptName): Promise<unknown[]>;
  /** What the scripts noted since the last call, also after they returned. */
  notes(): Promise<unknown[]>;
  close(): Promise<void>;
}

export interface DeliveryNodeOptions {
  /** Makes the adapter; the wrap is the fan-out's, or none. */
  adapter: (wrap: AdapterMixin) => AdapterFactory;
  isCoalesced: boolean;
  log?: Log;
}

/** Makes adapters of that class, wrapped. */
export const adapterOver =
  (base: AdapterClass): DeliveryNodeOptions['adapter'] =>
  (wrap) => {
    const Wrapped = wrap(base);
    return function createAdapter(nsp) {
      return new Wrapped(nsp as never);
    };
  };

/** Where ticks of the log go to: no client is there, and the Redis adapter delivers what goes to several rooms nevertheless. */
const logRooms = ['log', 'log too'];

export async function openDeliveryNode({
  adapter,
  isCoalesced,
  log = createLog({ level: 'silent', node: 'delivery' }),
}: DeliveryNodeOptions): Promise<DeliveryNode> {
  const fanout = createFanout({
    clock,
    log,
    quoteOf: () => null,
    flushWindow: { flushMs: 0, maxFlushMs: 0 },
    slowClientMs: 20_000,
    onTooSlow: () => {},
    onArrived: () => {},
    onWrites: () => {},
    onWritten: () => {},
  });
  let batches = 0;
  const receive = (tick: Tick): void => {
    const { gen } = tick;
    fanout.deliver(
      new Batch(encodeBatch({ gen, epoch: 1, number: ++batches, ticks: [tick], days: daysOf([tick]) })),
    );
  };
  const httpServer = createServer();
  const io = new Server(httpServer, {
    adapter: adapter(isCoalesced ? (base) => withLog(fanout.mixin(base), receive) : (base) => base),
  });
  const byId = new Map<string, EventEmitter & { id: string }>();
  io.engine.on('connection', (conn: EventEmitter & { id: string }) => void byId.set(conn.id, conn));
  // A client that upgrades has got some of a stream by polling.
  const upgrade = httpServer.listeners('upgrade');
  httpServer.removeAllListeners('upgrade').on('upgrade', (request: IncomingMessage, ...rest: unknown[]) => {
    const sid = new URL(request.url ?? '', 'http://node').searchParams.get('sid');
    const conn = byId.get(sid ?? '');
    const pass = (): void => upgrade.forEach((listener) => listener.call(httpServer, request, ...rest));
    if (conn === undefined) pass();
    else void untilFlushed(conn, 20).then(pass);
  });
  if (isCoalesced) fanout.attach(io.of('/'));
  const noted: unknown[] = [];
  const scene: Scene = {
    io,
    deliver: (tick) => {
      if (!isCoalesced) {
        io.to(tickRoom(tick.symbol)).emit('tick', tick);
        return;
      }
      io.to(logRooms).emit('log', tick);
    },
    note: (...what) => void noted.push(what),
    socket: (name) => {
      const socket = [...io.of('/').sockets.values()].find((one) => one.data['name'] === name);
      if (socket === undefined) throw new Error(`${name} is not connected here`);
      return socket;
    },
  };

  for (const nsp of [io.of('/'), io.of('/other')]) {
    nsp.use((socket, next) => {
      const { name, early } = socket.handshake.auth as ClientAuth;
      socket.data['name'] = name;
      void socket.join(early);
      next();
    });
    nsp.on('connection', (socket) => {
      const { name, rooms } = socket.handshake.auth as ClientAuth;
      const used: string[] = [];
      socket.data['used'] = used;
      socket.use(([event], next) => {
        used.push(event);
        next();
      });
      socket.on('hi', (answer: () => void) => answer());
      void socket.join([...rooms, `name:${name}`]);
      socket.emit('ready');
    });
  }

  /** Every client can be written to, and nothing waits for it. */
  function isSettled(): boolean {
    const connections = new Set(
      [...io.of('/').sockets.values(), ...io.of('/other').sockets.values()].map(({ conn }) => conn),
    );
    return [...connections].every(
      (conn) =>
        conn.transport.writable && (conn as unknown as { writeBuffer: unknown[] }).writeBuffer.length === 0,
    );
  }

  await new Promise<void>(
    (resolve) => void httpServer.listen({ port: 0, host: '127.0.0.1', exclusive: true }, resolve),
  );
  return {
    url: `http://127.0.0.1:${(httpServer.address() as AddressInfo).port}`,
    run: async (script) => {
      await until(isSettled);
      await deliveryScripts[script](scene);
      return noted;
    },
    notes: async () => noted.splice(0),
    close: async () => {
      fanout.close();
      await io.close();
    },
  };
}

/** Resolves when engine.io has given packets to the connection's transport that often. */
function untilFlushed(conn: EventEmitter, times: number): Promise<void> {
  return new Promise((resolve) => {
    let flushes = 0;
    conn.on('flush', () => {
      if (++flushes === times) resolve();
    });
  });
}

/** The adapter of a node that receives ticks as a replica receives batches: in their order among all other emits. */
function withLog(base: AdapterClass, receive: (tick: Tick) => void): AdapterClass {
  const Base = base as unknown as new (...args: unknown[]) => {
    _encode(packet: { data?: unknown }, options: unknown): unknown[];
    apply(options: BroadcastOptions, callback: (socket: { readonly id: string }) => void): void;
  };
  class LogAdapter extends Base {
    #data: unknown;

    override _encode(packet: { data?: unknown }, options: unknown): unknown[] {
      this.#data = packet.data;
      return super._encode(packet, options);
    }

    override apply(options: BroadcastOptions, callback: (socket: { readonly id: string }) => void): void {
      if (options.rooms.has('log')) receive((this.#data as [string, Tick])[1]);
      super.apply(options, callback);
    }
  }
  return LogAdapter as unknown as AdapterClass;
}
