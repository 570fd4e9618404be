/**
 * What goes over a WebSocket: a tick's frame, several of them as one piece, and the ping behind them.
 * Knows no sockets.
 */
import type { Tick } from '../../protocol/index.ts';

/** An event encoded once for everyone: its Socket.IO text, and the bytes of its WebSocket frame. */
export interface EncodedEvent {
  readonly text: string;
  readonly bytes: number;
}

export interface TickFrame extends EncodedEvent {
  readonly tick: Tick;
}

/** The first byte of a final text frame, and how its header tells the payload's size (RFC 6455, section 5.2). */
const textOpcode = 0x81;
const maxShort = 125;
const maxMedium = 65_535;
const mediumMark = 126;
const longMark = 127;
/** The type of a message in engine.io-protocol 4, and of an event in socket.io-protocol 5. */
const messageType = 0x34;
const eventType = '2';

/** The event as Socket.IO encodes it. For payloads without binary, in the default namespace. */
export function encodeEvent(event: string, payload: object): EncodedEvent {
  const text = eventType + JSON.stringify([event, payload]);
  const size = 1 + Buffer.byteLength(text);
  return { text, bytes: headerBytes(size) + size };
}

export function encodeTick(tick: Tick): TickFrame {
  const { text, bytes } = encodeEvent('tick', tick);
  return { tick, text, bytes };
}

/** Bytes of the header of a frame with so much payload. */
function headerBytes(size: number): number {
  if (size > maxMedium) return 10;
  return size > maxShort ? 4 : 2;
}

/** Writes the frame as engine.io and ws make it, straight to its place: a buffer for each tick costs as much as its way to a client. */
function writeFrame(piece: Buffer, at: number, { text, bytes }: EncodedEvent): void {
  const header = bytes > maxMedium + 4 ? 10 : bytes > maxShort + 2 ? 4 : 2;
  const size = bytes - header;
  piece[at] = textOpcode;
  if (header === 2) piece[at + 1] = size;
  else if (header === 4) {
    piece[at + 1] = mediumMark;
    piece.writeUInt16BE(size, at + 2);
  } else {
    piece[at + 1] = longMark;
    piece.writeBigUInt64BE(BigInt(size), at + 2);
  }
  piece[at + header] = messageType;
  piece.write(text, at + header + 1, size === text.length + 1 ? 'latin1' : 'utf8');
}

/** engine.io's packet options for a packet that is written as it is; `frames` is how many frames are in it. */
export interface PreparedOptions {
  wsPreEncodedFrame: Buffer[];
  frames: number;
  compress: boolean;
}

export function prepared(pieces: Buffer[], frames: number): PreparedOptions {
  return { wsPreEncodedFrame: pieces, frames, compress: false };
}

/** The frames as one piece, so that one system call takes them; with a ping behind them where its name is given. */
export function joined(frames: readonly EncodedEvent[], bytes: number, ping?: number): Buffer {
  const piece = Buffer.allocUnsafe(ping === undefined ? bytes : bytes + pingBytes);
  let at = 0;
  for (const frame of frames) {
    writeFrame(piece, at, frame);
    at += frame.bytes;
  }
  if (ping !== undefined) writePing(piece, at, ping);
  return piece;
}

export function bytesOf(frames: readonly EncodedEvent[]): number {
  let sum = 0;
  for (const { bytes } of frames) sum += bytes;
  return sum;
}

/** An unmasked, final ping frame with 8 bytes in it (RFC 6455, section 5.5.2). */
const pingHeader = [0x89, 8] as const;
const pingBytes = 10;

function writePing(piece: Buffer, at: number, ping: number): void {
  piece[at] = pingHeader[0];
  piece[at + 1] = pingHeader[1];
  piece.writeDoubleBE(ping, at + 2);
}

/** The name of the ping that a pong's payload answers, or null where it is none of ours. */
export function pingOfPong(payload: unknown): number | null {
  return Buffer.isBuffer(payload) && payload.length === 8 ? payload.readDoubleBE(0) : null;
}
