/** Every connection of a Socket.IO server as its departure sees it: also those that never joined. Knows engine.io's sockets. */
import type { Server } from 'socket.io';
import { cut, rawSocketOf, type Connection } from './connection.ts';
import type { Leaver } from './departure.ts';
import type { ClientSocket } from './session.ts';

const rawClosed = 3;

function leaverOf(connection: Connection, socket: ClientSocket | null): Leaver {
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
export function leaversOf({ engine }: Pick<Server, 'engine'>, sockets: Iterable<ClientSocket>): Leaver[] {
  const joined = new Map<Connection, ClientSocket>();
  for (const socket of sockets) joined.set(socket.conn, socket);
  // By session id. engine.io has it, as the documentation says, and hides it in its types.
  const connections: Connection[] = Object.values(engine['clients']);
  return connections.map((connection) => leaverOf(connection, joined.get(connection) ?? null));
}
