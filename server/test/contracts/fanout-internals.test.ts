/**
 * Internals of ws and engine.io that the fan-out uses, by name: if a new version changes one, its test says which.
 * delivery.contract.ts covers how frames are written, and the internals of socket.io-adapter.
 */
import { createServer } from 'node:http';
import type { AddressInfo, Socket as TcpSocket } from 'node:net';
import { Server } from 'socket.io';
import { io as connect } from 'socket.io-client';
import { describe, expect, it, onTestFinished } from 'vitest';
import { writeTogether, type RawSocket } from '../../src/fanout/engine-internals.ts';
import { encodeEvent, encodeTick, joined } from '../../src/fanout/tick-frames.ts';
import { until } from '../support/until.ts';
import { tickOf } from './delivery-scripts.ts';

/** A server, and one client over WebSocket. */
async function open() {
  const httpServer = createServer();
  const io = new Server(httpServer);
  await new Promise<void>((resolve) => void httpServer.listen(0, '127.0.0.1', resolve));
  const { port } = httpServer.address() as AddressInfo;
  const client = connect(`http://127.0.0.1:${port}`, {
    transports: ['websocket'],
    forceNew: true,
    reconnection: false,
  });
  onTestFinished(async () => {
    client.disconnect();
    await io.close();
  });
  await until(() => client.connected && io.of('/').sockets.size === 1);
  const [socket] = io.of('/').sockets.values();
  if (socket === undefined) throw new Error('the client is connected');
  return { client, raw: socket as unknown as RawSocket };
}

describe('ws: how frames are written', () => {
  it('_socket.writableLength is 0 when the kernel has taken all that was written, and only then', async () => {
    const { raw } = await open();
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
    const { raw } = await open();
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
    const { raw } = await open();
    const webSocket = raw.conn.transport.socket;
    expect(webSocket?.readyState).toBe(1);
    (webSocket as unknown as { close(): void }).close();
    expect(webSocket?.readyState).not.toBe(1);
  });
});

describe('engine.io: what outlets see of a connection', () => {
  it('transport.writable keeps packets in writeBuffer until the transport’s event ready, which writes them all', async () => {
    const { client, raw } = await open();
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
});
