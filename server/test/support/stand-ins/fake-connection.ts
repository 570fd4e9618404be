/**
 * A Socket.IO or plain socket with its connection as the fan-out's outlets see them, without a network: keeps what was
 * written, reads WebSocket frames with ws' own receiver, and answers pings and polls when it is told to.
 * The true ones are in server/test/contracts.
 */
import { EventEmitter } from 'node:events';
import * as ws from 'ws';
import type { Tick } from '../../../protocol/index.ts';
import type { RawSocket, Transport } from '../../../src/fanout/engine-internals.ts';
import { encodeTick, type PreparedOptions, type TickFrame } from '../../../src/fanout/tick-frames.ts';

/** What ws exports without a type. */
interface FrameParts {
  Receiver: new (options: { skipUTF8Validation?: boolean }) => NodeJS.WritableStream;
  Sender: { frame(data: Buffer, options: object): Buffer[] };
}
const { Receiver, Sender } = ws as unknown as FrameParts;

/** The tick as Socket.IO, engine.io and ws encode it. */
export function stockFrame(tick: Tick): TickFrame {
  const text = `2${JSON.stringify(['tick', tick])}`;
  const options = { readOnly: false, mask: false, rsv1: false, opcode: 1, fin: true };
  const frame = Buffer.concat(Sender.frame(Buffer.from(`4${text}`), options));
  return {
    tick,
    text,
    frame,
    bytes: frame.length,
    get plain() {
      return encodeTick(tick, 'plain');
    },
  };
}

/** Every text and ping in those bytes, in order; throws where they are no whole frames of a server. */
export function parseFrames(bytes: Buffer): { texts: string[]; pings: Buffer[] } {
  const texts: string[] = [];
  const pings: Buffer[] = [];
  const receiver = new Receiver({});
  let fault: Error | null = null;
  receiver.on('message', (text: Buffer) => void texts.push(text.toString()));
  receiver.on('ping', (payload: Buffer) => void pings.push(payload));
  receiver.on('error', (error: Error) => void (fault = error));
  receiver.write(bytes);
  if (fault !== null) throw fault as Error;
  return { texts, pings };
}

/** The tick that a message is, for a Socket.IO client or, with its `type`, for a plain one; null where it is none. */
function tickIn(text: string): Tick | null {
  if (text.startsWith('42["tick"')) return (JSON.parse(text.slice(2)) as [string, Tick])[1];
  return text.startsWith('{"type":"tick"') ? (JSON.parse(text) as Tick) : null;
}

/** The client's end of a connection without a network; everything happens within the call. */
export interface FakeConnection {
  readonly socket: RawSocket;
  /** The ticks of each write so far; a poll's answer is one. */
  readonly writes: Tick[][];
  ticks(): Tick[];
  /** Bytes of all frames so far. */
  bytes(): number;
  /** Pings that were not answered. */
  readonly pings: Buffer[];
  /** Answers the oldest pings, or all. */
  pong(count?: number): void;
  /** A poll comes, and takes what waits in the connection. */
  poll(): void;
  /** The client's WebSocket takes over. */
  upgrade(): void;
  /** Somebody watches what goes out, or nobody does any more. */
  watch(isWatched: boolean): void;
}

/** How a connection begins: by itself as a WebSocket that takes prepared frames. */
export interface FakeConnectionOptions {
  id?: string;
  transport?: 'websocket' | 'polling';
  /** Whether the WebSocket writes prepared frames. */
  takesFrames?: boolean;
}

/**
 * A connection that is open, to which nothing was written. Unless a test answers, its pings stay open and a poll gets
 * one answer.
 */
export function createFakeConnection({
  id = 'socket-1',
  transport: name = 'websocket',
  takesFrames = true,
}: FakeConnectionOptions = {}): FakeConnection {
  const writes: Tick[][] = [];
  const pings: Buffer[] = [];
  const listeners: unknown[] = [];
  let bytes = 0;
  const webSocket = Object.assign(new EventEmitter(), {
    readyState: 1,
    ...(takesFrames && { _sender: { sendFrame: (pieces: readonly Buffer[]) => receive(take(pieces)) } }),
  });
  const emit = (): boolean => {
    flush();
    return true;
  };
  const polling = { name: 'polling', writable: true, emit };
  const transports: Record<'polling' | 'websocket', Transport> = {
    polling,
    websocket: { name: 'websocket', writable: true, socket: webSocket, emit },
  };

  /** The texts in those frames; their pings wait for an answer. */
  function take(pieces: readonly Buffer[]): string[] {
    const piece = Buffer.concat(pieces);
    bytes += piece.length;
    const parsed = parseFrames(piece);
    pings.push(...parsed.pings);
    return parsed.texts;
  }

  /** What one write carried. */
  function receive(texts: readonly string[]): void {
    const ticks = texts.flatMap((text) => tickIn(text) ?? []);
    if (ticks.length > 0) writes.push(ticks);
  }

  /** As engine.io does: what waits goes to the transport in one call when it is writable. */
  function flush(): void {
    const { transport, writeBuffer } = conn;
    if (!transport.writable || writeBuffer.length === 0) return;
    const packets = writeBuffer.splice(0) as { data: string; options: Partial<PreparedOptions> }[];
    const isPolling = transport.name === 'polling';
    if (isPolling) polling.writable = false;
    receive(
      packets.flatMap(({ data, options: { wsPreEncodedFrame } }) =>
        isPolling || wsPreEncodedFrame === undefined ? [`4${data}`] : take(wsPreEncodedFrame),
      ),
    );
  }

  const conn = Object.assign(new EventEmitter(), {
    readyState: 'open',
    transport: transports[name],
    writeBuffer: [] as unknown[],
    write: (data: string, options: object) => {
      conn.writeBuffer.push({ type: 'message', data, options });
      flush();
    },
  });

  return {
    socket: {
      id,
      conn,
      _anyOutgoingListeners: listeners,
      emit: (event, payload) => conn.write(`2${JSON.stringify([event, payload])}`, {}),
    },
    writes,
    ticks: () => writes.flat(),
    bytes: () => bytes,
    pings,
    pong: (count = pings.length) => {
      for (const ping of pings.splice(0, count)) webSocket.emit('pong', ping);
    },
    poll: () => {
      polling.writable = true;
      flush();
    },
    upgrade: () => {
      conn.transport = transports.websocket;
      conn.emit('upgrade', conn.transport);
      flush();
    },
    watch: (isWatched) => {
      listeners.length = 0;
      if (isWatched) listeners.push(() => {});
    },
  };
}
