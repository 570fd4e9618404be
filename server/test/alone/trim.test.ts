/** The insides of Socket.IO, engine.io and Node that a connection is trimmed by: trimmed, it behaves as before. */
import { createServer } from 'node:http';
import type { EventEmitter } from 'node:events';
import { setFlagsFromString } from 'node:v8';
import { Server } from 'socket.io';
import { io as connect } from 'socket.io-client';
import { describe, expect, it, onTestFinished } from 'vitest';
import { rawSocketOf } from '../../src/session/connection.ts';
import type { ClientSocket } from '../../src/session/session.ts';
import { trim } from '../../src/session/trim.ts';
import { listen } from '../../src/support/listen.ts';
import { until } from '../support/until.ts';

setFlagsFromString('--allow-natives-syntax');
// oxlint-disable-next-line typescript/no-implied-eval, typescript/no-unsafe-type-assertion -- how V8 keeps an object is told to nobody else
const isTable = new Function('object', 'return !%HasFastProperties(object)') as (object: unknown) => boolean;

/** A server with one socket, which listens to everything, and its client. */
async function open(transports: string[]) {
  const httpServer = createServer();
  const io = new Server(httpServer);
  const heard: unknown[] = [];
  const sockets: ClientSocket[] = [];
  io.on('connection', (socket: ClientSocket) => {
    sockets.push(socket);
    socket.onAny((...args: unknown[]) => heard.push(args));
    socket.on('disconnect', (reason: unknown) => heard.push(reason));
  });
  const port = await listen(httpServer, { host: '127.0.0.1', port: 0 });
  const client = connect(`http://127.0.0.1:${port}`, { transports, forceNew: true, reconnection: false });
  onTestFinished(async () => {
    client.disconnect();
    await io.close();
  });
  const socket = await until(() => sockets[0]);
  return { io, client, socket, heard };
}

function emittersOf(socket: ClientSocket): EventEmitter[] {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- all of them are, whatever their types say
  return [socket, socket.conn, socket.conn.transport, rawSocketOf(socket.conn)].filter(
    (one) => one !== null,
  ) as unknown as EventEmitter[];
}

const eventsOf = (emitter: EventEmitter): unknown => Reflect.get(emitter, '_events');

function listenersOf(socket: ClientSocket) {
  return emittersOf(socket).map((emitter) =>
    emitter.eventNames().map((name) => ({
      name,
      count: emitter.listenerCount(name),
      listeners: emitter.listeners(name).filter((listener) => listener.name !== 'onUpgradeError'),
    })),
  );
}

describe.each([[['websocket']], [['polling']]])('a trimmed connection over %s', (transports) => {
  it('has the same listeners in the same order, in no hash table', async () => {
    const { socket } = await open(transports);
    const before = listenersOf(socket);
    expect(emittersOf(socket).map((emitter) => isTable(eventsOf(emitter)))).not.toContain(false);
    trim(socket);
    const after = listenersOf(socket);
    expect(after.map((names) => names.map(({ name, listeners }) => ({ name, listeners })))).toEqual(
      before.map((names) => names.map(({ name, listeners }) => ({ name, listeners }))),
    );
    for (const { count, listeners } of after.flat()) expect(count).toBe(listeners.length);
    expect(emittersOf(socket).map((emitter) => isTable(eventsOf(emitter)))).not.toContain(true);
  });

  it('takes and sends events, takes more listeners and lets them go', async () => {
    const { client, socket, heard } = await open(transports);
    trim(socket);
    const got: unknown[] = [];
    const said: unknown[] = [];
    const listener = (...args: unknown[]): void => void said.push(args);
    client.on('heartbeat', (beat) => void got.push(beat));
    socket.on('say', listener);
    socket.once('say', listener);
    for (const text of ['one', 'two']) client.emit('say', text);
    await until(() => heard.length === 2);
    socket.off('say', listener);
    client.emit('say', 'three');
    await until(() => heard.length === 3);
    expect(said).toEqual([['one'], ['one'], ['two']]);
    socket.conn.emit('drain');
    socket.emit('heartbeat', { at: 1 });
    await until(() => got.length === 1);
  });
});

it('a connection that was trimmed while it polls upgrades, and can be trimmed no further', async () => {
  const { client, socket, heard } = await open(['polling', 'websocket']);
  trim(socket);
  await until(() => socket.conn.transport.name === 'websocket');
  trim(socket);
  client.emit('say', 'here');
  await until(() => heard.length === 1);
  const raw = rawSocketOf(socket.conn);
  raw?.terminate();
  await until(() => heard.length === 2);
  expect(heard[1]).toBe('transport close');
});
