/** Every connection as its departure sees it: also those that never joined. Knows engine.io's and plain connections. */
import type { Server } from 'socket.io';
import { cut, rawSocketOf, type Connection } from './connection.ts';
import type { Leaver } from './departure.ts';
import type { Session } from './session.ts';

const rawClosed = 3;

function leaverOf(connection: Connection, session: Session | null): Leaver {
  const raw = rawSocketOf(connection);
  return {
    isPolling: raw === null,
    isJoined: session !== null,
    tell: (reconnectInMs) => void session?.socket.emit('shutdown', { reconnectInMs }),
    // After `disconnect(true)` a stock client would stay away.
    close: () => {
      session?.settle();
      connection.close();
    },
    cut: () => cut(connection),
    // engine.io says closed when it has sent its Close; the peer may still hold the connection open.
    isGone: () => connection.readyState === 'closed' && (raw === null || raw.readyState === rawClosed),
  };
}

/** Those that are there now. `sessions` are those of the ones that joined. */
export function leaversOf({ engine }: Pick<Server, 'engine'>, sessions: Iterable<Session>): Leaver[] {
  const joined = new Map<Connection, Session>();
  for (const session of sessions) joined.set(session.socket.conn, session);
  // By session id. engine.io has it, as the documentation says, and hides it in its types.
  const connections = new Set<Connection>([...Object.values(engine['clients']), ...joined.keys()]);
  return [...connections].map((connection) => leaverOf(connection, joined.get(connection) ?? null));
}
