/**
 * What the fan-out needs of Socket.IO, engine.io and ws beyond their types: looked for at start and on each connection,
 * pinned by a contract test (socket.io-adapter 2.5, engine.io 6.6, ws 8). Where it is missing, delivery is stock.
 */
import type { EventEmitter } from 'node:events';
import process from 'node:process';
import type { Writable } from 'node:stream';
import * as ws from 'ws';
import { messageFrames, prepared, type PreparedOptions } from './tick-frames.ts';

/** A WebSocket as ws makes it. */
export interface RawWebSocket extends EventEmitter {
  readonly readyState: number;
  readonly _sender?: Sender;
  /** The TCP socket. */
  readonly _socket?: Pick<Writable, 'cork' | 'uncork' | 'writableLength'> | null;
}

/** Writes frames, header and payload in one or two pieces, as they are. */
export interface Sender {
  sendFrame(pieces: readonly Buffer[], done?: () => void): void;
}

/** An Engine.IO transport: a WebSocket, or one that answers polls. */
export interface Transport {
  readonly name: string;
  /** Polling: a poll waits for its answer. WebSocket: nothing is on its way into the socket. */
  writable: boolean;
  readonly socket?: RawWebSocket;
  readonly perMessageDeflate?: unknown;
  /** Says that it may be written to again; engine.io then hands it what waits. */
  emit(event: 'ready'): boolean;
}

/** An Engine.IO connection. */
export interface Connection extends EventEmitter {
  readonly readyState: string;
  readonly transport: Transport;
  /** Packets that the transport has not taken. */
  readonly writeBuffer: unknown[];
  write(data: string, options: PreparedOptions | { compress: boolean }): void;
}

/** A Socket.IO socket as the fan-out sees it. */
export interface RawSocket {
  readonly id: string;
  readonly conn: Connection;
  /** Sends an event as Socket.IO does. */
  emit(event: string, payload: object): unknown;
  /** Who wants to see every packet that goes out; undefined before the first. */
  readonly _anyOutgoingListeners?: readonly unknown[];
}

/** Names the internals that are missing for everybody; empty where frames may be written as they are. */
export function missingInternals(): string[] {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- looks whether it is there at all
  const { Sender } = ws as unknown as { Sender?: { prototype?: { sendFrame?: unknown } } };
  return typeof Sender?.prototype?.sendFrame === 'function' ? [] : ['ws: Sender.prototype.sendFrame'];
}

/** Whether that transport writes prepared frames as they are. */
export function takesFrames({ name, socket, perMessageDeflate }: Transport): boolean {
  return name === 'websocket' && !perMessageDeflate && typeof socket?._sender?.sendFrame === 'function';
}

/**
 * What is written to the connection from now to the end of this step leaves in one write, or in the answer to one poll:
 * engine.io would write the first packet alone. Until then it looks busy, as it does behind any packet.
 */
export function writeTogether(connection: Connection): void {
  const { transport } = connection;
  if (!transport.writable) return;
  transport.writable = false;
  process.nextTick(release, connection, transport);
}

/** Of a transport that was closed or left meanwhile nobody hears. */
function release(connection: Connection, transport: Transport): void {
  if (connection.transport === transport && takesFrames(transport)) putTogether(connection.writeBuffer);
  const tcp = transport.socket?._socket;
  tcp?.cork();
  transport.writable = true;
  transport.emit('ready');
  tcp?.uncork();
}

/** Texts that wait, as one packet of their frames: one by one each takes as long as what is in it (bench: connects). */
function putTogether(waiting: unknown[]): void {
  const texts: string[] = [];
  for (const packet of waiting) {
    const text = textOf(packet);
    if (text === null) return;
    texts.push(text);
  }
  if (texts.length < 2) return;
  const piece = messageFrames(texts);
  waiting.length = 0;
  waiting.push({
    type: 'message',
    options: { ...prepared([piece], texts.length), uncounted: piece.length } satisfies PreparedOptions,
  });
}

function textOf(packet: unknown): string | null {
  if (typeof packet !== 'object' || packet === null) return null;
  const { type, data, options }: { type?: unknown; data?: unknown; options?: Partial<PreparedOptions> } =
    packet;
  return type === 'message' && typeof data === 'string' && options?.wsPreEncodedFrame === undefined
    ? data
    : null;
}
