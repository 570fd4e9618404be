/** Every connection of a Socket.IO server as its departure sees it: also those that never joined. Knows engine.io's sockets. */
import type { Server } from 'socket.io';
import type { Leaver } from './departure.ts';
import type { ClientSocket } from './session.ts';

type Connection = ClientSocket['conn'];

/** What the WebSocket transport keeps of `ws`; polling has none. */
interface RawSocket {
  readyState: number;
  terminate(): void;
}

const rawClosed = 3;

function rawSocketOf({ transport }: Connection): RawSocket | null {
  if (!('socket' in transport)) return null;
  const { socket } = transport;
  const isRaw =
    typeof socket === 'object' && socket !== null && 'terminate' in socket && 'readyState' in socket;
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- checked right above; engine.io's types hide it
  return isRaw ? (socket as RawSocket) : null;
}

function leaverOf(connection: Connection, socket: ClientSocket | null): Leaver {
  const raw = rawSocketOf(connection);
  return {
    isPolling: raw === null,
    isJoined: socket !== null,
    tell: (reconnectInMs) => void socket?.emit('shutdown', { reconnectInMs }),
    // After `disconnect(true)` a stock client would stay away.
    close: () => connection.close(),
    cut: () => {
      connection.close(true);
      raw?.terminate();
    },
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
