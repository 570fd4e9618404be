/**
 * What the fan-out needs of Socket.IO, engine.io and ws beyond their types: looked for at start and on each connection,
 * pinned by a contract test (socket.io-adapter 2.5, engine.io 6.6, ws 8). Where it is missing, delivery is stock.
 */
import type { EventEmitter } from 'node:events';
import process from 'node:process';
import type { Writable } from 'node:stream';
import * as ws from 'ws';
import type { PreparedOptions } from './tick-frames.ts';

/** A WebSocket as ws makes it. */
export interface RawWebSocket extends EventEmitter {
  readonly readyState: number;
  readonly _sender?: Sender;
  /** The TCP socket. */
  readonly _socket?: Pick<Writable, 'cork' | 'uncork'> | null;
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
export function writeTogether({ transport }: Connection): void {
  if (!transport.writable) return;
  transport.writable = false;
  process.nextTick(release, transport);
}

/** Of a transport that was closed or left meanwhile nobody hears. */
function release(transport: Transport): void {
  const tcp = transport.socket?._socket;
  tcp?.cork();
  transport.writable = true;
  transport.emit('ready');
  tcp?.uncork();
}
