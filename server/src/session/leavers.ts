/** Every connection as its departure sees it: also those that never joined. Knows engine.io's and plain connections. */
import type { Server } from 'socket.io';
import type { Client } from './client.ts';
import { cut, rawSocketOf, type Connection } from './connection.ts';
import type { Leaver } from './departure.ts';

const rawClosed = 3;

function leaverOf(connection: Connection, socket: Client | null): Leaver {
  const raw = rawSocketOf(connection);
  return {
    isPolling: raw === null,
    isJoined: socket !== null,
    tell: (reconnectInMs) => void socket?.emit('shutdown', { reconnectInMs }),
    // After `disconnect(true)` a stock client would stay away.
    close: () => connection.close(),
    cut: () => cut(connection),
    // engine.io says closed when it has sent its Close; the peer may still hold the connection open.
    isGone: () => connection.readyState === 'closed' && (raw === null || raw.readyState === rawClosed),
  };
}

/** Those that are there now. `sockets` are the ones that joined. */
export function leaversOf({ engine }: Pick<Server, 'engine'>, sockets: Iterable<Client>): Leaver[] {
  const joined = new Map<Connection, Client>();
  for (const socket of sockets) joined.set(socket.conn, socket);
  // By session id. engine.io has it, as the documentation says, and hides it in its types.
  const connections = new Set<Connection>([...Object.values(engine['clients']), ...joined.keys()]);
  return [...connections].map((connection) => leaverOf(connection, joined.get(connection) ?? null));
}
