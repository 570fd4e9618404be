/** What trimming must not change: which listeners hear an event. */
import { EventEmitter } from 'node:events';
import { expect, it } from 'vitest';
import type { ClientSocket } from './session.ts';
import { trim } from './trim.ts';

it('keeps every listener of an event, also behind one that removes itself', () => {
  const socket = Object.assign(new EventEmitter(), {
    conn: Object.assign(new EventEmitter(), { transport: new EventEmitter() }),
    client: {},
  });
  const heard: string[] = [];
  socket.once('disconnect', () => heard.push('once'));
  socket.on('disconnect', () => heard.push('always'));
  socket.conn.once('close', () => heard.push('close once'));
  socket.conn.on('close', () => heard.push('close'));
  trim(socket as unknown as ClientSocket);
  socket.emit('disconnect');
  socket.conn.emit('close');
  expect(heard).toEqual(['once', 'always', 'close once', 'close']);
  expect([socket.listenerCount('disconnect'), socket.conn.listenerCount('close')]).toEqual([1, 2]);
});
