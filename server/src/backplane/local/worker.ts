/**
 * A worker's side of its life under the primary: taking connections, saying that it is ready, being told to drain.
 * Knows no backplane. In a process that is no worker of `createPrimary` these functions throw.
 */
import cluster from 'node:cluster';
import type { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import process from 'node:process';
import type { Duplex } from 'node:stream';
import sticky from '@socket.io/sticky';
import type { Server } from 'socket.io';
import { assert } from '../../support/assert.ts';
import { isPrimaryMessage, type PrimaryMessage, type WorkerMessage } from './ipc.ts';
import { createSessionId } from './session-id.ts';

/** Sends one message to the primary. Lost, without an error, when the primary is gone: Node then ends the worker. */
export function sendToPrimary(message: WorkerMessage): void {
  assert(process.send !== undefined, 'this process is a worker of the primary');
  if (process.connected) process.send(message, undefined, {}, () => {});
}

/** Calls back with each message of the primary that is ours, until the returned function is called. */
export function onPrimaryMessage(listener: (message: PrimaryMessage) => void): () => void {
  const onMessage = (message: unknown): void => {
    if (isPrimaryMessage(message)) listener(message);
  };
  process.on('message', onMessage);
  return () => void process.off('message', onMessage);
}

/**
 * Feeds the connections that the primary hands over into the HTTP server of `io`, which itself never listens. Call it
 * before `tellReady`: Node drops what reaches a worker that has no listener for it yet.
 */
export function attachSticky(io: Server): void {
  const { worker } = cluster;
  assert(worker !== undefined, 'this process is a worker of the primary');
  sticky.setupWorker(io);
  // The primary refuses the upgrades that it would have to carry, where it sees them: not those in a later piece.
  io.httpServer.prependListener('upgrade', (_request: IncomingMessage, socket: Duplex) => {
    if (!(socket instanceof Socket)) socket.destroy();
  });
  io.engine.generateId = () => createSessionId(worker.id);
  // An HTTP server begins to end slow requests when it says that it listens.
  io.httpServer.emit('listening');
}

/** Tells the primary to hand connections to this worker from now on. */
export function tellReady(): void {
  sendToPrimary({ type: 'tickwire:ready' });
}

/** Tells the primary that this worker lets its clients go and then ends: it gets no new ones, and another takes its place. */
export function tellLeaving(): void {
  sendToPrimary({ type: 'tickwire:leaving' });
}

/**
 * Fires once, when the primary closes: the worker lets its clients go and then ends its process, within the time that
 * the primary gives it. Set it before `tellReady`; a worker that is not ready is ended without being asked.
 */
export function onDrain(listener: () => void): void {
  onPrimaryMessage((message) => {
    if (message.type === 'tickwire:drain') listener();
  });
}
