/** WebSocket frames as bytes (RFC 6455, section 5.2): the header of an unmasked text frame. Knows no sockets and no events. */

/** The first byte of a final text frame. */
const textOpcode = 0x81;
const maxShort = 125;
const maxMedium = 65_535;
const mediumMark = 126;
const longMark = 127;

/** The length of the header of a frame whose payload has `size` bytes. */
export function headerBytes(size: number): number {
  return size > maxMedium ? 10 : size > maxShort ? 4 : 2;
}

/** Writes the header at `at` and returns where the payload begins. */
export function writeHeader(piece: Buffer, at: number, size: number): number {
  const header = headerBytes(size);
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

/** Where the payload of the frame at `at` begins. */
export function payloadAt(piece: Buffer, at: number): number {
  const length = piece[at + 1] ?? 0;
  return at + (length === longMark ? 10 : length === mediumMark ? 4 : 2);
}
