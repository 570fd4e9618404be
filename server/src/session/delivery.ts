/**
 * One emit to every session of this replica that a message is for, and how many they are: by room, encoded once. Knows no
 * other replica. Keeps SPEC.md [MS3], [MS5].
 */
import { limits, tickRoom, type Recipients } from '../../protocol/index.ts';
import { userRoom } from '../users/identity.ts';
import type { Session } from './session.ts';
import type { SocketServer } from './socket-server.ts';

/** An event on its way to those that it is for. */
export interface Message {
  to: Recipients;
  /** A name that was checked. */
  event: string;
  /** JSON. */
  data: unknown;
}

/** Tells the message to those of these plain sessions that it is for; gives how many they are. SPEC.md [PW8]. */
export function deliverPlainly(sessions: Iterable<Session>, { to, event, data }: Message): number {
  let count = 0;
  for (const session of sessions) {
    const { socket } = session;
    if ('userId' in to && socket.data.identity.user !== to.userId) continue;
    if ('symbol' in to && session.roomOf(to.symbol) === null) continue;
    count++;
    // Beside each other, as callers choose both.
    socket.emit('message', { event, data });
  }
  return count;
}

/** Gives a function that delivers a message and tells to how many sessions. `sessions` are those of Socket.IO, by the id of their socket. */
export function createDelivery(io: SocketServer, sessions: ReadonlyMap<string, Session>) {
  const { sockets: namespace } = io;

  type Target = Pick<typeof io.local, 'emit'>;
  function emit(target: Target, { event, data }: Message): void {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the caller of the API chose the event
    target.emit(event as 'message', data as never);
  }

  function toUser(user: string, message: Message): number {
    const room = namespace.adapter.rooms.get(userRoom(user)) ?? [];
    const members = [...room].filter((id) => sessions.has(id));
    if (members.length > 0) emit(io.local.to(members), message);
    return members.length;
  }

  function toSymbol(symbol: string, message: Message): number {
    const targets = limits.offeredEveryMs.map((everyMs) => tickRoom(symbol, everyMs));
    let count = 0;
    for (const session of sessions.values()) {
      const room = session.roomOf(symbol);
      if (room === null) continue;
      count++;
      // Its missed ticks come first, or its period's end: it joins then.
      if (!session.socket.rooms.has(room)) targets.push(session.socket.id);
    }
    if (count > 0) emit(io.local.to(targets), message);
    return count;
  }

  function toAll(message: Message): number {
    // Who was let in only to be told why it is refused is there too, and has no session.
    const others = [...namespace.sockets.keys()].filter((id) => !sessions.has(id));
    if (sessions.size > 0) emit(others.length === 0 ? io.local : io.local.except(others), message);
    return sessions.size;
  }

  return (message: Message): number => {
    const { to } = message;
    if ('userId' in to) return toUser(to.userId, message);
    return 'symbol' in to ? toSymbol(to.symbol, message) : toAll(message);
  };
}
