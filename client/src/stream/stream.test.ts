/** The stream over true sockets: a Socket.IO server in this process, on a free port of the loopback. */
import { createServer } from 'node:http';
import { Server, type Socket } from 'socket.io';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { ClusterStatistics, Tick } from '../../../server/protocol/index.ts';
import type { ConnectionState } from './connection.ts';
import { createStream, type StreamOptions } from './stream.ts';
import { hello, quoteOf, resultAt, tickOf } from './testing/fake-links.ts';

const closers: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

/** A server that says hello and gives every symbol a snapshot at seq 1. */
async function startServer(onSocket: (socket: Socket) => void = () => undefined) {
  const http = createServer();
  const io = new Server(http);
  io.on('connection', (socket) => {
    socket.emit('hello', hello);
    socket.on('subscribe', ({ symbols }: { symbols: string[] }, ack: (answer: unknown) => void) => {
      const results = Object.fromEntries(symbols.map((symbol) => [symbol, resultAt(1)]));
      ack({ ok: true, symbols, results });
      socket.emit('snapshot', { quotes: symbols.map((symbol) => quoteOf(symbol, 1)), reason: 'subscribe' });
    });
    onSocket(socket);
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  closers.push(() => io.close());
  const address = http.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  return { io, url: `http://127.0.0.1:${address.port}` };
}

function startStream(url: string, options: StreamOptions = {}) {
  const states: ConnectionState[] = [];
  const ticks: Tick[] = [];
  const stream = createStream({
    url,
    random: () => 0.01,
    onState: (state) => void states.push(state),
    onTick: (tick) => void ticks.push(tick),
    ...options,
  });
  closers.push(() => stream.close());
  return { stream, states, ticks };
}

const soon = { timeout: 5_000, interval: 10 };

describe('a stream over true sockets', () => {
  it('connects by polling, upgrades, and sends one cid on every request', async () => {
    const urls: string[] = [];
    const { io, url } = await startServer();
    io.engine.on('initial_headers', (_headers, request: { url: string }) => void urls.push(request.url));
    io.engine.on('headers', (_headers, request: { url: string }) => void urls.push(request.url));
    const upgraded = new Promise((resolve) => {
      io.on('connection', (socket) => socket.conn.once('upgrade', () => resolve(socket.conn.request.url)));
    });
    const { stream } = startStream(url, { cid: 'cid-of-this-tab' });
    await upgraded;
    await vi.waitFor(() => expect(stream.state().at).toBe('live'), soon);
    expect(urls.length).toBeGreaterThan(1);
    for (const each of urls) expect(new URL(each, url).searchParams.get('cid')).toBe('cid-of-this-tab');
  });

  it('gets snapshot and ticks of what it wants, on either transport alone', async () => {
    const { io, url } = await startServer();
    for (const transport of ['polling', 'websocket'] as const) {
      const quotes: string[] = [];
      const { stream, ticks } = startStream(url, {
        transports: [transport],
        onSnapshot: (snapshot) => void quotes.push(...snapshot.map(({ symbol }) => symbol)),
      });
      stream.subscribe(['A', 'B']);
      await vi.waitFor(() => expect(quotes).toEqual(['A', 'B']), soon);
      for (const seq of [2, 3]) io.emit('tick', tickOf('A', seq));
      await vi.waitFor(() => expect(ticks.map(({ seq }) => seq)).toEqual([2, 3]), soon);
      stream.close();
    }
  });

  it.each([
    ['the transport is cut', (socket: Socket) => socket.conn.close()],
    ['the server disconnects it for good', (socket: Socket) => socket.disconnect(true)],
    [
      'it is refused for now',
      (socket: Socket) => socket.emit('refused', { code: 4502, name: 'draining', message: '', retry: 'now' }),
    ],
  ])('comes back and asks from where it was when %s', async (_how, cut) => {
    const asks: unknown[] = [];
    let current: Socket | undefined;
    const { io, url } = await startServer((socket) => {
      current = socket;
      socket.on('subscribe', (request) => void asks.push(request));
    });
    const { stream, ticks } = startStream(url);
    stream.subscribe(['A']);
    await vi.waitFor(() => expect(asks).toEqual([{ symbols: ['A'] }]), soon);
    io.emit('tick', tickOf('A', 2));
    await vi.waitFor(() => expect(ticks).toHaveLength(1), soon);
    if (current !== undefined) cut(current);
    await vi.waitFor(() => expect(asks).toHaveLength(2), soon);
    expect(asks[1]).toEqual({ symbols: ['A'], since: { A: ['g1', 2] } });
  });

  it('obeys a refusal in the handshake by its rule', async () => {
    const { io, url } = await startServer();
    const refusal = { code: 4301, name: 'origin_not_allowed', message: 'no', retry: 'never' };
    io.use((_socket, next) => next(Object.assign(new Error('no'), { data: refusal })));
    const { stream } = startStream(url);
    await vi.waitFor(() => expect(stream.state()).toEqual({ at: 'refused', refusal }), soon);
  });

  it('keeps trying while nobody listens, and is live when somebody does', async () => {
    const { io, url } = await startServer();
    const { stream, states } = startStream(url);
    await vi.waitFor(() => expect(stream.state().at).toBe('live'), soon);
    await io.close();
    await vi.waitFor(
      () => expect(states.filter(({ at }) => at === 'waiting').length).toBeGreaterThan(3),
      soon,
    );
    const again = createServer();
    const second = new Server(again);
    second.on('connection', (socket) => socket.emit('hello', { ...hello, node: 'replica-2' }));
    closers.push(() => second.close());
    again.listen(Number(new URL(url).port), '127.0.0.1');
    await vi.waitFor(() => expect(stream.state()).toMatchObject({ at: 'live', node: 'replica-2' }), soon);
  });

  it('[CS1] watches the cluster on each connection where somebody wants to know, and drops what is no statistics', async () => {
    let watched = 0;
    const node = { node: 'r1', state: 'serving', leader: true, uptimeMs: 1 };
    const counts = { connections: 1, users: 0, anonymous: 1 };
    const { io, url } = await startServer((socket) => {
      socket.on('watch', (topics: unknown) => {
        expect(topics).toEqual(['cluster']);
        watched += 1;
        socket.emit('cluster', { at: 1, nodes: [{ ...node, ...counts, connections: '1' }] });
        socket.emit('cluster', { at: 1, nodes: [{ ...node, ...counts }] });
      });
    });
    const onCluster = vi.fn<(statistics: ClusterStatistics) => void>();
    const { stream } = startStream(url, { onCluster });
    await vi.waitFor(() => expect(onCluster).toHaveBeenCalledTimes(1), soon);
    expect(onCluster).toHaveBeenCalledWith({ at: 1, nodes: [{ ...node, ...counts }] });
    expect(stream.counters().malformed).toBe(1);
    for (const socket of io.sockets.sockets.values()) socket.conn.close();
    await vi.waitFor(() => expect(onCluster).toHaveBeenCalledTimes(2), soon);
    const silent = startStream(url);
    await vi.waitFor(() => expect(silent.stream.state().at).toBe('live'), soon);
    expect(watched).toBe(2);
  });
});
