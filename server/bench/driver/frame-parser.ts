/**
 * WebSocket frames as a server sends them (RFC 6455, unmasked), cut from whatever pieces TCP brings. Copies nothing but
 * the part of a frame whose rest has not come yet. Knows no Socket.IO.
 */

/** Those of RFC 6455 that the driver knows; a frame with another one is passed over. */
export const opcodes = { text: 1, close: 8, ping: 9, pong: 10 } as const;

/** A whole frame: its payload is `bytes` from `start` to `end`, good until the call returns; `size` is with the header. */
export type OnFrame = (opcode: number, bytes: Buffer, start: number, end: number, size: number) => void;

const nothing = Buffer.alloc(0);
const finBit = 0x80;
const maskBit = 0x80;

/** One for each connection: it holds the beginning of a frame whose rest is still to come. */
export class FrameParser {
  #rest: Buffer = nothing;
  readonly #onFrame: OnFrame;

  constructor(onFrame: OnFrame) {
    this.#onFrame = onFrame;
  }

  /** Takes the next piece. Throws where it cannot be what a server may send here: masked, or in fragments. */
  feed(piece: Buffer): void {
    const bytes = this.#rest.length === 0 ? piece : Buffer.concat([this.#rest, piece]);
    let at = 0;
    while (bytes.length - at >= 2) {
      const first = bytes[at] ?? 0;
      const second = bytes[at + 1] ?? 0;
      if ((first & finBit) === 0 || (second & maskBit) !== 0)
        throw new Error(`no frame of a server begins with ${first}, ${second}`);
      const short = second & 0x7f;
      const headerSize = short < 126 ? 2 : short === 126 ? 4 : 10;
      if (bytes.length - at < headerSize) break;
      const start = at + headerSize;
      const end = start + payloadLength(bytes, at, short);
      if (end > bytes.length) break;
      this.#onFrame(first & 0x0f, bytes, start, end, end - at);
      at = end;
    }
    this.#rest = at === bytes.length ? nothing : Buffer.from(bytes.subarray(at));
  }
}

/** The length that a frame's header says; `short` is its seven bits. */
function payloadLength(bytes: Buffer, at: number, short: number): number {
  if (short < 126) return short;
  // Two of the eight bytes are enough to be out of reach.
  return short === 126 ? bytes.readUInt16BE(at + 2) : bytes.readUIntBE(at + 4, 6);
}

/** The frames that a client sends, masked with a key of zeros, which leaves the payload as it is. */
export function clientFrame(opcode: number, payload: Buffer): Buffer {
  if (payload.length >= 65_536) throw new Error('a driver sends nothing so long');
  const header =
    payload.length < 126
      ? [finBit | opcode, maskBit | payload.length]
      : [finBit | opcode, maskBit | 126, payload.length >> 8, payload.length & 0xff];
  return Buffer.concat([Buffer.from([...header, 0, 0, 0, 0]), payload]);
}

/** A text frame as a server sends it: what `floor` writes. */
export function serverText(text: string): Buffer {
  const payload = Buffer.from(text);
  const header = Buffer.alloc(payload.length < 126 ? 2 : 4);
  header[0] = finBit | opcodes.text;
  if (payload.length < 126) header[1] = payload.length;
  else {
    header[1] = 126;
    header.writeUInt16BE(payload.length, 2);
  }
  return Buffer.concat([header, payload]);
}
