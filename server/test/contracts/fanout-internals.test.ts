/**
 * Each internal of socket.io-adapter, engine.io and ws that the fan-out stands on, by its name: where one changes with a new
 * version, its test here says which, before anything else fails.
 */
import type { EventEmitter } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo, Socket as TcpSocket } from 'node:net';
import { Server } from 'socket.io';
import { Adapter } from 'socket.io-adapter';
import { io as connect } from 'socket.io-client';
import { describe, expect, it, onTestFinished } from 'vitest';
import * as ws from 'ws';
import {
  missingInternals,
  takesFrames,
  writeTogether,
  type RawSocket,
} from '../../src/fanout/engine-internals.ts';
import { encodeEvent, encodeTick, joined } from '../../src/fanout/tick-frames.ts';
import { until } from '../support/until.ts';
import { tickOf } from './delivery-scripts.ts';

const { Sender } = ws as unknown as {
  Sender: { frame(data: Buffer, options: object): Buffer[]; prototype: { sendFrame: { length: number } } };
};

/** Calls of the adapter's internals, in order. */
interface Call {
  method: string;
  args: unknown[];
}

/** A server whose adapter tells of its calls, and one client. */
async function open(transports: string[]) {
  const calls: Call[] = [];
  const proto = Adapter.prototype as unknown as Record<string, (...args: unknown[]) => unknown>;
  class Watched extends Adapter {}
  for (const method of ['_encode', 'apply', 'addAll', 'del', 'delAll']) {
    Reflect.set(Watched.prototype, method, function (this: Adapter, ...args: unknown[]) {
      calls.push({ method, args });
      return proto[method]?.apply(this, args);
    });
  }
  const httpServer = createServer();
  const io = new Server(httpServer, { adapter: Watched });
  /** What was seen of each upgrade, at its event. */
  const upgrades: unknown[] = [];
  io.engine.on('connection', (conn: RawSocket['conn']) => {
    conn.on('upgrade', () => void upgrades.push([conn.transport.name, takesFrames(conn.transport)]));
  });
  await new Promise<void>((resolve) => void httpServer.listen(0, '127.0.0.1', resolve));
  const { port } = httpServer.address() as AddressInfo;
  const client = connect(`http://127.0.0.1:${port}`, { transports, forceNew: true, reconnection: false });
  onTestFinished(async () => {
    client.disconnect();
    await io.close();
  });
  await until(() => client.connected && io.of('/').sockets.size === 1);
  const [socket] = io.of('/').sockets.values();
  if (socket === undefined) throw new Error('the client is connected');
  return { io, client, socket, raw: socket as unknown as RawSocket, calls, upgrades };
}

describe('socket.io-adapter: what the door stands on', () => {
  it('Adapter._encode(packet, options), then Adapter.apply(options, callback) in the same run, for every broadcast', async () => {
    const { io, calls } = await open(['websocket']);
    calls.length = 0;
    io.to('tick:A').emit('tick', tickOf('A', 1));
    expect(
      calls.map(({ method }) => method),
      'broadcast calls _encode and then apply, and nothing between',
    ).toEqual(['_encode', 'apply']);
    const [encode, apply] = calls;
    expect(encode?.args[0], '_encode is given the packet').toMatchObject({
      type: 2,
      nsp: '/',
      data: ['tick', tickOf('A', 1)],
    });
    expect(apply?.args, 'apply is given rooms, and how to deliver to one socket').toEqual([
      expect.objectContaining({ rooms: new Set(['tick:A']), except: new Set(), flags: {} }),
      expect.any(Function),
    ]);
  });

  it('a packet that asks for an answer has its id when _encode sees it', async () => {
    const { io, calls } = await open(['websocket']);
    calls.length = 0;
    void io.to('nobody').timeout(10).emitWithAck('tick', tickOf('A', 1));
    expect(calls.map(({ method }) => method)).toEqual(['_encode', 'apply']);
    expect(calls[0]?.args[0]).toMatchObject({ id: expect.any(Number) });
  });

  it('every look at rooms and every change of many sockets calls apply, without _encode', async () => {
    const { io, calls } = await open(['websocket']);
    calls.length = 0;
    void io.in('a').fetchSockets();
    io.in('b').socketsJoin('c');
    io.in('d').socketsLeave('e');
    io.in('f').disconnectSockets();
    expect(calls.map(({ method, args }) => [method, [...(args[0] as { rooms: Set<string> }).rooms]])).toEqual(
      ['a', 'b', 'd', 'f'].map((room) => ['apply', [room]]),
    );
  });

  it('addAll, del and delAll are how sockets join and leave; the first room is the one of the socket’s id', async () => {
    const { socket, calls } = await open(['websocket']);
    expect(calls[0], 'a socket joins the room of its id first').toEqual({
      method: 'addAll',
      args: [socket.id, new Set([socket.id])],
    });
    calls.length = 0;
    void socket.join(['a', 'b']);
    void socket.leave('a');
    socket.disconnect();
    expect(calls).toEqual([
      { method: 'addAll', args: [socket.id, new Set(['a', 'b'])] },
      { method: 'del', args: [socket.id, 'a'] },
      { method: 'delAll', args: [socket.id] },
    ]);
  });

  it('what _encode makes of a tick is byte for byte what encodeTick makes', async () => {
    const { io } = await open(['websocket']);
    const adapter = io.of('/').adapter as unknown as {
      _encode(packet: object, options: { wsPreEncodedFrame?: Buffer[] }): string[];
    };
    for (const price of ['1', 'é'.repeat(99), 'x'.repeat(70_000)]) {
      const tick = { ...tickOf('A', 1), price };
      const options: { wsPreEncodedFrame?: Buffer[] } = {};
      const texts = adapter._encode({ type: 2, data: ['tick', tick], nsp: '/' }, options);
      const { text, frame } = encodeTick(tick);
      expect(texts).toEqual([text]);
      expect(
        Buffer.concat(options.wsPreEncodedFrame ?? []).equals(frame),
        'wsPreEncodedFrame is our frame',
      ).toBe(true);
    }
  });

  it('Socket._anyOutgoingListeners is empty or absent until somebody listens, and again after', async () => {
    const { socket, raw } = await open(['websocket']);
    expect(raw._anyOutgoingListeners ?? []).toHaveLength(0);
    const listener = (): void => {};
    socket.onAnyOutgoing(listener);
    expect(raw._anyOutgoingListeners).toHaveLength(1);
    socket.offAnyOutgoing(listener);
    expect(raw._anyOutgoingListeners ?? []).toHaveLength(0);
  });
});

describe('ws: how frames are written', () => {
  it('Sender.frame and Sender.prototype.sendFrame(pieces, done) are there', () => {
    expect(missingInternals()).toEqual([]);
    expect(Sender.frame, 'Sender.frame(data, options)').toBeTypeOf('function');
    expect(Sender.prototype.sendFrame.length, 'Sender.prototype.sendFrame(pieces, done)').toBe(2);
  });

  it('transport.socket._sender.sendFrame([piece]) writes the piece as it is, in one write', async () => {
    const { client, raw } = await open(['websocket']);
    const { transport } = raw.conn;
    expect(takesFrames(transport), 'a WebSocket without compression takes frames').toBe(true);
    const { _socket: tcp } = transport.socket as unknown as { _socket: TcpSocket };
    const got: unknown[] = [];
    client.on('tick', (tick) => void got.push(tick));
    const before = tcp.bytesWritten;
    const ticks = [1, 2, 3].map((seq) => tickOf('A', seq));
    const frames = ticks.map((tick) => encodeTick(tick));
    const piece = joined(
      frames,
      frames.reduce((sum, { frame }) => sum + frame.length, 0),
    );
    transport.socket?._sender?.sendFrame([piece]);
    expect(tcp.bytesWritten - before).toBe(piece.length);
    await until(() => got.length === 3);
    expect(got).toEqual(ticks);
  });

  it('_socket.writableLength is 0 when the kernel has taken all that was written, and only then', async () => {
    const { raw } = await open(['websocket']);
    const { socket } = raw.conn.transport;
    const waits = (): number | undefined => socket?._socket?.writableLength;
    socket?._sender?.sendFrame([encodeTick(tickOf('A', 1)).frame]);
    expect(waits()).toBe(0);
    // Far more than the kernels of both sides take before anything is read.
    const large = encodeEvent('large', { text: 'x'.repeat(16 * 2 ** 20) }).frame;
    socket?._sender?.sendFrame([large]);
    expect(waits()).toBeGreaterThan(0);
    await until(() => waits() === 0, { withinMs: 20_000 });
  });

  it('the event pong gives the payload of a ping that was written as a frame', async () => {
    const { raw } = await open(['websocket']);
    const answers: unknown[] = [];
    const webSocket = raw.conn.transport.socket;
    webSocket?.on('pong', (payload) => void answers.push(payload));
    webSocket?._sender?.sendFrame([joined([], 0, { ping: 7 })]);
    await until(() => answers.length === 1);
    expect(Buffer.isBuffer(answers[0]) && answers[0].readDoubleBE(0), 'pong carries the ping’s payload').toBe(
      7,
    );
  });

  it('WebSocket.readyState is 1 while it is open, and not after', async () => {
    const { raw } = await open(['websocket']);
    const webSocket = raw.conn.transport.socket;
    expect(webSocket?.readyState).toBe(1);
    (webSocket as unknown as { close(): void }).close();
    expect(webSocket?.readyState).not.toBe(1);
  });
});

describe('engine.io: what outlets see of a connection', () => {
  it('conn.write with wsPreEncodedFrame and no data writes those bytes; conn.writeBuffer is what waits', async () => {
    const { client, raw } = await open(['websocket']);
    const { conn } = raw;
    const got: unknown[] = [];
    client.on('tick', (tick) => void got.push(tick));
    conn.write('', { wsPreEncodedFrame: [encodeTick(tickOf('A', 1)).frame], frames: 1, compress: false });
    expect(conn.transport.writable, 'a WebSocket is not writable until its write is done').toBe(false);
    conn.write('', { wsPreEncodedFrame: [encodeTick(tickOf('A', 2)).frame], frames: 1, compress: false });
    expect(conn.writeBuffer, 'what cannot be written waits in writeBuffer').toHaveLength(1);
    await until(() => got.length === 2);
    expect(conn.writeBuffer).toHaveLength(0);
    expect(got).toEqual([tickOf('A', 1), tickOf('A', 2)]);
  });

  it('the server’s event flush gives the connection and its packets, with the options they were written with', async () => {
    const { io, raw } = await open(['websocket']);
    const flushes: unknown[][] = [];
    (io.engine as unknown as EventEmitter).on(
      'flush',
      (...args) => void flushes.push([args[0], [...(args[1] as [])]]),
    );
    raw.conn.write('2["note"]', { compress: false });
    expect(flushes).toEqual([
      [raw.conn, [{ type: 'message', data: '2["note"]', options: { compress: false } }]],
    ]);
    expect(raw.conn.readyState).toBe('open');
  });

  it('polling: transport.writable is true while a poll waits; packets pushed to writeBuffer go with the next write', async () => {
    const { client, raw } = await open(['polling']);
    const { conn } = raw;
    const got: unknown[] = [];
    client.on('tick', (tick) => void got.push(tick));
    expect([conn.transport.name, takesFrames(conn.transport)]).toEqual(['polling', false]);
    await until(() => conn.transport.writable);
    conn.writeBuffer.push({
      type: 'message',
      data: encodeTick(tickOf('A', 1)).text,
      options: { compress: false },
    });
    conn.write(encodeTick(tickOf('A', 2)).text, { compress: false });
    expect(conn.transport.writable, 'a poll that was answered is gone').toBe(false);
    await until(() => got.length === 2);
    expect(got).toEqual([tickOf('A', 1), tickOf('A', 2)]);
  });

  it('transport.writable keeps packets in writeBuffer until the transport’s event ready, which writes them all', async () => {
    const { client, raw } = await open(['websocket']);
    const { conn } = raw;
    const tcp = conn.transport.socket?._socket as TcpSocket;
    const got: unknown[] = [];
    client.on('tick', (tick) => void got.push(tick));
    await until(() => conn.transport.writable);
    let writes = 0;
    const [write, writev] = [tcp._write.bind(tcp), tcp._writev?.bind(tcp)];
    tcp._write = (...args) => {
      writes++;
      write(...args);
    };
    tcp._writev = (...args) => {
      writes++;
      writev?.(...args);
    };
    writeTogether(conn);
    for (const seq of [1, 2, 3]) conn.write(encodeTick(tickOf('A', seq)).text, { compress: false });
    expect(conn.writeBuffer, 'they wait').toHaveLength(3);
    await until(() => got.length === 3);
    expect(writes, 'one write').toBe(1);
    expect(conn.transport.writable).toBe(true);
  });

  it('the event upgrade comes when conn.transport is the WebSocket, and takes frames', async () => {
    const { client, upgrades } = await open(['polling', 'websocket']);
    await until(() => client.io.engine.transport.name === 'websocket');
    // The client has changed before the server hears of it.
    await until(() => upgrades.length > 0);
    expect(upgrades).toEqual([['websocket', true]]);
  });
});
