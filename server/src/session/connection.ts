/**
 * One connection below Socket.IO or a plain stream: its raw WebSocket, what it was written and has not taken, and how to
 * end it at once. Knows engine.io's and ws' sockets, and no session.
 */
import type { EventEmitter } from 'node:events';
import { IncomingMessage } from 'node:http';
import type { Socket } from 'socket.io';
import type { Refusal } from '../../protocol/index.ts';

/** What Engine.IO's and plain connections have in common. */
export interface Connection extends EventEmitter {
  readonly readyState: string;
  readonly transport: object;
  write(data: string): unknown;
  /** Closes it after what was written; at once, and without a word, where that is to be discarded. */
  close(discard?: boolean): void;
  /** Tells why and closes it; Engine.IO has no such thing. */
  refuse?(why: Refusal): void;
}

/** What the WebSocket transport keeps of `ws`. */
export interface RawSocket {
  readonly readyState: number;
  /** Bytes that the kernel has not taken. */
  readonly bufferedAmount: number;
  /** The TCP socket; null when it was never there. */
  readonly _socket: { on(event: 'data', listener: (this: object, chunk: Buffer) => void): void } | null;
  on(event: 'ping' | 'pong', listener: (this: RawSocket) => void): void;
  send(text: string): void;
  terminate(): void;
}

/** The WebSocket under a transport; null for polling. */
export function rawSocketOf({ transport }: Pick<Connection, 'transport'>): RawSocket | null {
  if (!('socket' in transport)) return null;
  const { socket } = transport;
  const isRaw =
    typeof socket === 'object' && socket !== null && 'terminate' in socket && 'bufferedAmount' in socket;
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- checked right above; engine.io's types hide it
  return isRaw ? (socket as RawSocket) : null;
}

/** Ends it at once, whether or not the peer reads. A stock client comes back. */
export function cut(connection: Connection): void {
  const raw = rawSocketOf(connection);
  connection.close(true);
  raw?.terminate();
}

/** One that waits in front of the transport: its text, or WebSocket frames that were made for many. */
interface WaitingPacket {
  readonly data?: unknown;
  readonly options?: { readonly wsPreEncodedFrame?: readonly Buffer[] };
}

/** Packets that wait in front of the transport. engine.io lets everyone read them and hides them in its types. */
export function waitingPackets(connection: Connection): readonly WaitingPacket[] {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- both kinds have it
  return (connection as Connection & { writeBuffer: readonly WaitingPacket[] }).writeBuffer;
}

/** Bytes that were written to it and that the network has not taken; on polling, those that wait for a poll. */
export function unreadBytes(connection: Connection): number {
  let bytes = rawSocketOf(connection)?.bufferedAmount ?? 0;
  for (const { data, options } of waitingPackets(connection)) {
    if (data !== undefined) bytes += sizeOf(data);
    else for (const { length } of options?.wsPreEncodedFrame ?? []) bytes += length;
  }
  return bytes;
}

/** Bytes of what a packet carries; characters stand for bytes, which for our JSON they nearly are. */
export function sizeOf(data: unknown): number {
  if (typeof data === 'string') return data.length;
  return ArrayBuffer.isView(data) || data instanceof ArrayBuffer ? data.byteLength : 0;
}

/** Resolves when what waits in front of the transport was handed to it, or the connection is gone. */
export function drained(connection: Connection): Promise<void> {
  return new Promise((resolve) => {
    const settle = (): void => {
      connection.off('drain', settle);
      connection.off('close', settle);
      resolve();
    };
    connection.on('drain', settle);
    connection.on('close', settle);
  });
}

/**
 * Whether no more than `maxBytes` wait, or the connection is gone. Where nothing waits in front of the transport it is so:
 * what is written next will.
 */
export function isCaughtUp(connection: Connection, maxBytes: number): boolean {
  return (
    connection.readyState !== 'open' ||
    waitingPackets(connection).length === 0 ||
    unreadBytes(connection) <= maxBytes
  );
}

/** Resolves when it has caught up. */
export async function caughtUp(connection: Connection, maxBytes: number): Promise<void> {
  while (!isCaughtUp(connection, maxBytes)) await drained(connection);
}

/** In place of the TCP socket of a request. */
const gone = Object.freeze({});

/**
 * Lets the handshake's HTTP request go and keeps what a later join of the same connection is built from: headers, query and
 * address. Thousands of connections would each hold it, its sockets and its answer for as long as they live.
 */
export function slimRequest(connection: Socket['conn']): void {
  const { headers, url } = connection.request;
  if (!(connection.request instanceof IncomingMessage)) return;
  const query: unknown = '_query' in connection.request ? connection.request._query : {};
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- all that Socket.IO reads of it once the connection is open
  connection.request = { headers, url, _query: query, connection: gone } as unknown as IncomingMessage;
}
