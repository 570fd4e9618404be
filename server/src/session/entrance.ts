/**
 * How connections come to a replica, joined: the two servers that make them, the door in front of both, what they may send and
 * leave unread, and the count of it all. The one place that knows how these depend on each other. Knows no sessions.
 */
import type { IncomingMessage } from 'node:http';
import type { AdapterFactory } from '../backplane/contract.ts';
import { createClients, type ClientsOptions } from '../support/client-address.ts';
import { createArrivals, type Arrivals } from './arrivals.ts';
import { createAddressLimits, type AddressLimitsOptions } from './address-limits.ts';
import { createConnectionGuard, type ConnectionGuard, type CutReason } from './connection-guard.ts';
import { createCallBudgets, type CallBudgets } from './call-budgets.ts';
import { connectionLimits } from './connection-limits.ts';
import { createDoor, type Door, type DoorOptions } from './door.ts';
import { createOrigins } from './origins.ts';
import { createPlainServer, type PlainServerOptions } from './plain-server.ts';
import {
  createSocketServer,
  socketPath,
  type SocketServer,
  type SocketServerOptions,
} from './socket-server.ts';
import { createTraffic, type Traffic } from './traffic.ts';

interface EntranceOptions
  extends
    SocketServerOptions,
    Omit<PlainServerOptions, 'otherPath' | 'arrivals' | 'onConnection'>,
    Pick<DoorOptions, 'onRefused'> {
  adapter: AdapterFactory;
  trustProxy: ClientsOptions['trustedProxies'];
  addressLimits: AddressLimitsOptions & Pick<ClientsOptions, 'trustedNetworks'>;
  limits: Omit<Parameters<typeof connectionLimits>[0], 'maxMessageBytes'>;
  /** Fires for each connection that is cut, before it is. */
  onCut: (reason: CutReason) => void;
  /** As of `createTraffic`. */
  onHandshakeError: (name: string | undefined) => void;
}

/** What a replica and its sessions need of where connections come from. `close` ends no connection, and not `io`. */
export interface Entrance extends Pick<ConnectionGuard, 'cut'>, Pick<Door, 'shut' | 'quiet'> {
  readonly io: SocketServer;
  readonly callBudgets: CallBudgets;
  readonly traffic: Traffic;
  /** Those that have no session yet. */
  readonly arrivals: Arrivals;
  /** Plain WebSockets now. */
  plainCount(): number;
  close(): void;
}

/** Connections come as soon as the HTTP server gets them. */
export function createEntrance(options: EntranceOptions): Entrance {
  const { httpServer, clock, limits, maxMessageBytes, addressLimits } = options;
  const { packets, calls, maxUnreadBytes } = connectionLimits({ ...limits, maxMessageBytes });
  const io = createSocketServer(options);
  io.adapter(options.adapter);
  const arrivals = createArrivals();
  const clientOf = createClients({ ...addressLimits, trustedProxies: options.trustProxy });
  const callBudgets = createCallBudgets({ rate: calls, clientOf, clock });
  io.engine.on('connection', (connection: SocketServer['engine'] & { request: IncomingMessage }) =>
    callBudgets.opened(connection, connection.request),
  );
  const plain = createPlainServer({
    ...options,
    otherPath: socketPath,
    arrivals,
    onConnection: (connection, request) => callBudgets.opened(connection, request),
  });
  const engines = [io.engine, plain.engine];
  const guard = createConnectionGuard({ engines, clock, packets, maxUnreadBytes, onCut: options.onCut });
  const door = createDoor({
    httpServer,
    engine: io.engine,
    path: socketPath,
    clock,
    clientOf,
    origins: createOrigins(options.corsOrigins),
    addressLimits: createAddressLimits(addressLimits),
    onRefused: options.onRefused,
  });
  const traffic = createTraffic(engines, { onHandshakeError: options.onHandshakeError });

  return {
    io,
    callBudgets,
    traffic,
    arrivals,
    plainCount: () => plain.engine.clientsCount,
    cut: (connection, reason) => guard.cut(connection, reason),
    shut: () => door.shut(),
    quiet: (limitMs) => door.quiet(limitMs),
    close: () => {
      guard.close();
      callBudgets.close();
      plain.close();
    },
  };
}
