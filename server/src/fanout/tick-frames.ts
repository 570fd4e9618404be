/**
 * What goes over a WebSocket: a tick's frame, several of them as one piece, and the ping behind them.
 * Knows no sockets.
 */
import type { Tick } from '../../protocol/index.ts';

/** What a client speaks: Socket.IO, or plain WebSocket, where each text frame is one JSON object with a `type`. */
export type Dialect = 'socket.io' | 'plain';

/** An event encoded once for everyone who speaks the same: as text, and as a WebSocket frame. */
export interface EncodedEvent {
  readonly text: string;
  readonly frame: Buffer;
}

/** A tick encoded once for everyone of one dialect. The length of `frame` is what it counts on its way to a client, in bytes. */
export interface TickFrame extends EncodedEvent {
  readonly tick: Tick;
}

/** The first byte of a final text frame, and how its header tells the payload's size (RFC 6455, section 5.2). */
const textOpcode = 0x81;
const maxShort = 125;
const maxMedium = 65_535;
const mediumMark = 126;
const longMark = 127;
/** The type of an event's packet in socket.io-protocol 5. */
export const eventPacket = 2;
/** The type of a message in engine.io-protocol 4. */
const messageType = 0x34;

/**
 * The event as Socket.IO, engine.io and ws encode it, in one piece and without the steps between, which cost more than a
 * tick's way to a client; or as plain clients get it. For payloads without binary, in the default namespace.
 */
export function encodeEvent(event: string, payload: object, dialect: Dialect = 'socket.io'): EncodedEvent {
  const text =
    dialect === 'plain'
      ? JSON.stringify({ type: event, ...payload })
      : `${eventPacket}${JSON.stringify([event, payload])}`;
  return { text, frame: messageFrames([text], dialect) };
}

/** The tick as the event `tick`, by `encodeEvent`. Encode it once a dialect and share it: this is the cost of a tick. */
export function encodeTick(tick: Tick, dialect: Dialect = 'socket.io'): TickFrame {
  const { text, frame } = encodeEvent('tick', tick, dialect);
  return { tick, text, frame };
}

/** Each text as a message of its own, all in one piece. */
export function messageFrames(texts: readonly string[], dialect: Dialect = 'socket.io'): Buffer {
  // A plain message is its text alone.
  const before = dialect === 'plain' ? 0 : 1;
  let bytes = 0;
  const sizes = texts.map((text) => {
    const size = before + Buffer.byteLength(text);
    bytes += headerOf(size) + size;
    return size;
  });
  const piece = Buffer.allocUnsafe(bytes);
  let at = 0;
  for (const [index, text] of texts.entries()) {
    const size = sizes[index] ?? 0;
    at = writeHeader(piece, at, size);
    if (before > 0) piece[at] = messageType;
    // Almost every text is ASCII, which needs no look at each character.
    piece.write(text, at + before, size === before + text.length ? 'latin1' : 'utf8');
    at += size;
  }
  return piece;
}

function headerOf(size: number): number {
  return size > maxMedium ? 10 : size > maxShort ? 4 : 2;
}

/** Gives where the payload begins. */
function writeHeader(piece: Buffer, at: number, size: number): number {
  const header = headerOf(size);
  piece[at] = textOpcode;
  if (header === 2) piece[at + 1] = size;
  else if (header === 4) {
    piece[at + 1] = mediumMark;
    piece.writeUInt16BE(size, at + 2);
  } else {
    piece[at + 1] = longMark;
    piece.writeBigUInt64BE(BigInt(size), at + 2);
  }
  return at + header;
}

/** engine.io's packet options for a packet that is written as it is; `frames` is how many frames are in it. */
export interface PreparedOptions {
  wsPreEncodedFrame: Buffer[];
  frames: number;
  compress: boolean;
  /** Bytes in it that are on no outlet's count yet. */
  uncounted?: number;
}

/**
 * The options that make engine.io write these pieces, uncompressed, in place of the packet's own text. Nothing in them may
 * change before they are written.
 */
export function prepared(pieces: Buffer[], frames: number): PreparedOptions {
  return { wsPreEncodedFrame: pieces, frames, compress: false };
}

/** What may be behind the frames, by its name, and where they are put together instead of in memory of their own. */
export interface PieceOptions {
  ping?: number;
  memory?: { take(bytes: number): Buffer };
}

/** The frames as one piece, so that one system call takes them; with a ping behind them where its name is given. */
export function joined(
  frames: readonly TickFrame[],
  bytes: number,
  { ping, memory }: PieceOptions = {},
): Buffer {
  const only = frames.length === 1 ? frames[0] : undefined;
  if (only !== undefined && ping === undefined) return only.frame;
  const size = ping === undefined ? bytes : bytes + pingBytes;
  const piece = memory === undefined ? Buffer.allocUnsafe(size) : memory.take(size);
  let at = 0;
  for (const { frame } of frames) {
    piece.set(frame, at);
    at += frame.length;
  }
  if (ping !== undefined) writePing(piece, at, ping);
  return piece;
}

/** What the frames take on the wire, in bytes: headers are in it, a ping behind them is not. */
export function bytesOf(frames: readonly TickFrame[]): number {
  let bytes = 0;
  for (const { frame } of frames) bytes += frame.length;
  return bytes;
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
