/**
 * A client over a plain WebSocket as its session sees it: what a Socket.IO socket is to its own, with each event as one JSON
 * object that has the event's name as `type`. Knows no rules of subscribing. SPEC.md [PW3].
 */
import type { Refusal, ServerEvents, StreamMessage } from '../../protocol/index.ts';
import type { Identity } from '../users/identity.ts';
import type { Client } from './client.ts';
import { JsonText, SnapshotText } from './json-text.ts';
import { closeCodeOf, type PlainConnection } from './plain-connection.ts';
import type { StreamRequest } from './stream-request.ts';
import type { Streams } from './streams.ts';

/** Where its rooms are kept. */
type Rooms = Pick<Streams, 'join' | 'leave'>;

/** Made for each plain WebSocket that was let in. Its rooms are kept by the streams: it is in none of Socket.IO's. */
export class PlainSocket implements Client {
  readonly id: string;
  readonly conn: PlainConnection;
  readonly data: { identity: Identity };
  /** What its address asked for. */
  readonly request: StreamRequest;
  readonly rooms = new Set<string>();
  readonly #rooms: Rooms;

  constructor(
    id: string,
    conn: PlainConnection,
    { identity, request, rooms }: { identity: Identity; request: StreamRequest; rooms: Rooms },
  ) {
    this.id = id;
    this.conn = conn;
    this.data = { identity };
    this.request = request;
    this.#rooms = rooms;
  }

  get connected(): boolean {
    return this.conn.readyState === 'open';
  }

  join(rooms: string | readonly string[]): void {
    for (const room of typeof rooms === 'string' ? [rooms] : rooms) {
      if (this.rooms.has(room)) continue;
      this.rooms.add(room);
      this.#rooms.join(this.id, room);
    }
  }

  leave(room: string): void {
    if (this.rooms.delete(room)) this.#rooms.leave(this.id, room);
  }

  /** Events of Socket.IO clients, and the answers to calls. */
  emit(event: StreamMessage['type'] | keyof ServerEvents, payload: object): void {
    if (payload instanceof SnapshotText) {
      for (const quote of payload.quotes)
        this.conn.write(`{"type":"quote","reason":"${payload.reason}",${quote.slice(1)}`);
    } else if (payload instanceof JsonText) this.conn.write(`{"type":"${event}",${payload.text.slice(1)}`);
    else this.conn.write(JSON.stringify({ type: event, ...payload }));
  }

  /** Tells why, and closes it behind that, with that code: by itself the refusal's own, for good or for now. */
  refuse(why: Refusal, code = closeCodeOf(why.retry)): void {
    this.emit('refused', why);
    this.conn.close(false, code, why.name);
  }

  /** Nobody watches what goes out. */
  listenersAnyOutgoing(): readonly unknown[] {
    return [];
  }
}
