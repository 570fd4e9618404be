/**
 * A WebSocket client on a bare TCP socket that may send anything: frames as no library makes them, and more than it
 * reads. Keeps what comes back.
 */
import { connect, type Socket } from 'node:net';
import { until } from '../until.ts';

interface FrameOptions {
  /** Text, 1, when absent. */
  opcode?: number;
  fin?: boolean;
  /** The three reserved bits. */
  rsv?: number;
  masked?: boolean;
  /** What the header says of the payload's length; the truth when absent. Written as 64 bits. */
  declared?: bigint;
}

/** One frame as a client sends it. The mask is all zeros, so that the payload is seen as it is. */
export function frame(payload: string | Buffer = '', options: FrameOptions = {}): Buffer {
  const { opcode = 1, fin = true, rsv = 0, masked = true, declared } = options;
  const body = Buffer.from(payload);
  const maskBit = masked ? 0x80 : 0;
  let length: Buffer;
  if (declared !== undefined || body.length > 0xffff) {
    length = Buffer.alloc(9, maskBit | 127);
    length.writeBigUInt64BE(declared ?? BigInt(body.length), 1);
  } else if (body.length > 125) {
    length = Buffer.alloc(3, maskBit | 126);
    length.writeUInt16BE(body.length, 1);
  } else length = Buffer.from([maskBit | body.length]);
  const first = (fin ? 0x80 : 0) | (rsv << 4) | opcode;
  return Buffer.concat([Buffer.from([first]), length, Buffer.alloc(masked ? 4 : 0), body]);
}

/** A WebSocket that answers nothing by itself, no ping and no Close. Waits reject where nothing comes in time. */
export interface RawWebSocket {
  readonly tcp: Socket;
  /** Text frames so far. */
  readonly texts: readonly string[];
  /** The status of the server's Close frame: null before it came, 1005 where it has none. */
  closeCode(): number | null;
  isGone(): boolean;
  send(...texts: string[]): void;
  /** Resolves with the first text that begins so. */
  said(start: string): Promise<string>;
  /** Resolves when the server has sent its Close, or ended the connection; gives the status, or `cut`. */
  ended(withinMs?: number): Promise<number | 'cut'>;
  close(): void;
}

/** What the upgrade asks for; by itself Socket.IO's WebSocket. */
export interface HandshakeOptions {
  query?: string;
  path?: string;
  headers?: Record<string, string>;
}

/** Resolves when the server has switched protocols; rejects with its answer when it does not. */
export async function openRawWebSocket(
  port: number,
  { query = 'EIO=4&transport=websocket', path = '/socket.io/', headers = {} }: HandshakeOptions = {},
): Promise<RawWebSocket> {
  const tcp = connect(port, '127.0.0.1');
  const texts: string[] = [];
  let [head, rest] = ['', Buffer.alloc(0)];
  let [code, gone]: [number | null, boolean] = [null, false];

  tcp.on('error', () => {});
  tcp.on('close', () => void (gone = true));
  tcp.on('data', (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk]);
    if (head === '') {
      const end = rest.indexOf('\r\n\r\n');
      if (end < 0) return;
      head = rest.subarray(0, end).toString();
      rest = rest.subarray(end + 4);
    }
    read();
  });

  /** Takes what are whole frames; a server's are not masked. */
  function read(): void {
    while (rest.length >= 2) {
      const short = (rest[1] ?? 0) & 127;
      const from = short === 127 ? 10 : short === 126 ? 4 : 2;
      if (rest.length < from) return;
      const size =
        short === 127 ? Number(rest.readBigUInt64BE(2)) : short === 126 ? rest.readUInt16BE(2) : short;
      if (rest.length < from + size) return;
      const opcode = (rest[0] ?? 0) & 15;
      const payload = rest.subarray(from, from + size);
      if (opcode === 1) texts.push(payload.toString());
      if (opcode === 8) code = size >= 2 ? payload.readUInt16BE(0) : 1_005;
      rest = rest.subarray(from + size);
    }
  }

  const extra = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  tcp.write(
    `GET ${path}?${query} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
      `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n${extra.join('')}\r\n`,
  );
  await until(() => head !== '' || gone);
  if (!head.startsWith('HTTP/1.1 101')) {
    tcp.destroy();
    throw new Error(`${head}\n${rest.toString()}`);
  }

  return {
    tcp,
    texts,
    closeCode: () => code,
    isGone: () => gone,
    send: (...all) => void tcp.write(Buffer.concat(all.map((text) => frame(text)))),
    said: (start) => until(() => texts.find((text) => text.startsWith(start)), { saw: () => texts }),
    ended: (withinMs = 2_000) =>
      until(() => code ?? (gone ? 'cut' : null), { withinMs, saw: () => texts.slice(-3) }),
    close: () => void tcp.destroy(),
  };
}

/** The same, joined to the namespace. */
export async function joinRaw(port: number): Promise<RawWebSocket> {
  const socket = await openRawWebSocket(port);
  socket.send('40');
  await socket.said('42["feed"');
  return socket;
}
