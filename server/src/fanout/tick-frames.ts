/**
 * What goes over a WebSocket: a tick's frame, several of them as one piece, and the ping behind them.
 * Knows no sockets.
 */
import type { Tick } from '../../protocol/index.ts';
import type { Batch } from '../log/batch.ts';
import { headerBytes, writeHeader } from '../support/frames.ts';

/** What a client speaks: Socket.IO, or plain WebSocket, where each text frame is one JSON object with a `type`. */
export type Dialect = 'socket.io' | 'plain';

/** An event encoded once for everyone who speaks the same: as text, and as a WebSocket frame. */
export interface EncodedEvent {
  readonly text: string;
  readonly frame: Buffer;
}

/** A tick for everyone of one dialect. */
export interface TickFrame extends EncodedEvent {
  readonly tick: Tick;
  /** The length of `frame`. */
  readonly bytes: number;
  /** The same tick for plain clients. */
  readonly plain: TickFrame;
}

/** A tick of the log. Its frame is the one that the leader made; a class, because every tick has one. */
export class LogTick implements TickFrame {
  readonly batch: Batch;
  readonly place: number;
  #tick: Tick | null = null;
  #plain: TickFrame | null = null;

  constructor(batch: Batch, place: number) {
    this.batch = batch;
    this.place = place;
  }

  get tick(): Tick {
    return (this.#tick ??= this.batch.tick(this.place));
  }

  get text(): string {
    return `${eventPacket}["tick",${this.batch.json(this.place)}]`;
  }

  get frame(): Buffer {
    return this.batch.frames(this.place, this.place + 1);
  }

  get bytes(): number {
    return this.batch.frameBytes(this.place);
  }

  get plain(): TickFrame {
    return (this.#plain ??= new PlainTick(this.batch.json(this.place), this));
  }
}

/** A tick as plain clients receive it. */
class PlainTick implements TickFrame {
  readonly text: string;
  readonly frame: Buffer;
  readonly #from: Pick<TickFrame, 'tick'>;

  constructor(json: string, from: Pick<TickFrame, 'tick'>) {
    this.text = `{"type":"tick",${json.slice(1)}`;
    this.frame = messageFrames([this.text], 'plain');
    this.#from = from;
  }

  get tick(): Tick {
    return this.#from.tick;
  }

  get bytes(): number {
    return this.frame.length;
  }

  get plain(): TickFrame {
    return this;
  }
}

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

/** A tick that is not in the log: merged ones are made here. */
export function encodeTick(tick: Tick, dialect: Dialect = 'socket.io'): TickFrame {
  if (dialect === 'plain') return new PlainTick(JSON.stringify(tick), { tick });
  const { text, frame } = encodeEvent('tick', tick);
  let plain: TickFrame | null = null;
  return {
    tick,
    text,
    frame,
    bytes: frame.length,
    get plain() {
      return (plain ??= encodeTick(tick, 'plain'));
    },
  };
}

/** Each text as a message of its own, all in one piece. */
export function messageFrames(texts: readonly string[], dialect: Dialect = 'socket.io'): Buffer {
  // A plain message is its text alone.
  const before = dialect === 'plain' ? 0 : 1;
  let bytes = 0;
  const sizes = texts.map((text) => {
    const size = before + Buffer.byteLength(text);
    bytes += headerBytes(size) + size;
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
  let end = runEnd(frames, 0);
  if (end === frames.length && ping === undefined && end > 0) return run(frames, 0, end);
  const size = ping === undefined ? bytes : bytes + pingBytes;
  const piece = memory === undefined ? Buffer.allocUnsafe(size) : memory.take(size);
  let at = 0;
  for (let start = 0; start < frames.length; start = end) {
    end = runEnd(frames, start);
    const part = run(frames, start, end);
    piece.set(part, at);
    at += part.length;
  }
  if (ping !== undefined) writePing(piece, at, ping);
  return piece;
}

/** Where the frames end that are neighbours in one batch, from `start` on: they are copied together. */
function runEnd(frames: readonly TickFrame[], start: number): number {
  const first = frames[start];
  let end = start + 1;
  if (!(first instanceof LogTick)) return end;
  for (let next = frames[end]; next instanceof LogTick; next = frames[++end])
    if (next.batch !== first.batch || next.place !== first.place + end - start) break;
  return end;
}

function run(frames: readonly TickFrame[], start: number, end: number): Buffer {
  const first = frames[start];
  return first instanceof LogTick
    ? first.batch.frames(first.place, first.place + end - start)
    : (first?.frame ?? Buffer.alloc(0));
}

/** What the frames take on the wire, in bytes: headers are in it, a ping behind them is not. */
export function bytesOf(frames: readonly TickFrame[]): number {
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
