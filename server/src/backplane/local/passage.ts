/**
 * Sticky in the primary, mended in three places: it chooses among the workers that it is given, not among all that were
 * forked; a connection on its way to a worker ends with that worker; and one whose bytes it carries keeps a bound.
 * Knows nothing of ports.
 */
import cluster, { type Worker } from 'node:cluster';
import type { Serializable } from 'node:child_process';
import { EventEmitter } from 'node:events';
import type { Server as HttpServer } from 'node:http';
import type { Socket } from 'node:net';
import sticky from '@socket.io/sticky';
import { ownerOfRequest } from './session-id.ts';

/** A connection that has said something, and the workers that it may go to. */
export interface Arrival {
  socket: Socket;
  /** What the peer said first: the worker is chosen by it, and gets it too. */
  firstBytes: Buffer;
  /** Those that may be chosen; at least one. */
  workers: Worker[];
  /** Those that a session's connection goes to where it is theirs. */
  owners: Worker[];
}

/** The way from the port into a worker. An upgrade that announces a body is answered 400 and reaches none. */
export interface Passage {
  /** Hands the connection to one of the workers. From then on it reaches that worker or is closed. */
  hand(arrival: Arrival): void;
}

/** What a carried connection may leave unread when the next answer comes, in bytes. */
const maxCarriedBytes = 1_048_576;

const refusedUpgrade = 'HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n';

/** Sticky would carry every frame of such a connection for as long as it lives; no browser or client opens one. */
function isUpgradeWithBody(firstBytes: Buffer): boolean {
  const end = firstBytes.indexOf('\r\n\r\n');
  const head = firstBytes.toString('latin1', 0, end === -1 ? firstBytes.length : end);
  return /\r\nupgrade:/i.test(head) && /content-length:|transfer-encoding:/i.test(head);
}

/** The connection that a message of sticky is about, where it is one that is carried. */
function carriedBy(message: unknown): string | null {
  if (typeof message !== 'object' || message === null || !('connectionId' in message)) return null;
  return typeof message.connectionId === 'string' ? message.connectionId : null;
}

type OnSent = (error: Error | null) => void;
/** What sticky adds to a message: the socket, where it is handed over, and who is told that it was sent. */
type Rest = [onSent: OnSent] | [socket: Socket, onSent: OnSent];

/** Node's handle of a connection; there is no public way to stop its reading. */
type Readable = Socket & { _handle?: { readStop?: () => number } | null };

/**
 * Node keeps reading a connection that it hands over, and drops what it reads, until the worker has acknowledged it: a
 * client that is quick to speak after the worker's answer would not be heard.
 */
function stopReading(socket: Readable): void {
  socket._handle?.readStop?.();
}

/** One a process: sticky's listeners on the cluster stay for good. */
export function createPassage(): Passage {
  const carried = new Map<string, Socket>();
  // Before sticky's own listener: one large answer may pass, but nothing is added to one that lies unread.
  cluster.on('message', (_worker, message: unknown) => {
    const socket = carried.get(carriedBy(message) ?? '');
    if (socket !== undefined && socket.writableLength > maxCarriedBytes) socket.destroy();
  });
  // Of an HTTP server sticky uses the `connection` event alone; a true one would parse what is meant for a worker.
  const arrivals = new EventEmitter();
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- see above
  sticky.setupMaster(arrivals as HttpServer, { loadBalancingMethod: 'round-robin' });
  const underway = new WeakMap<Worker, Set<Socket>>();

  /** Connections that would hang if the worker died now: Node forgets handles that queue for a dead process. */
  function underwayTo(worker: Worker): Set<Socket> {
    const known = underway.get(worker);
    if (known !== undefined) return known;
    const sockets = new Set<Socket>();
    underway.set(worker, sockets);
    worker.once('exit', () => {
      for (const socket of sockets) socket.destroy();
    });
    return sockets;
  }

  /** The worker as sticky sees it while it places this one connection. */
  function placing(
    worker: Worker,
    socket: Socket,
  ): { send: (message: Serializable, ...rest: Rest) => boolean } {
    const sockets = underwayTo(worker);
    const arrived = (): void => void sockets.delete(socket);
    return {
      send(message, ...rest) {
        sockets.add(socket);
        if (rest.length === 1) {
          // A request with a body: the socket stays here, and sticky carries its bytes to and fro.
          const id = carriedBy(message);
          if (id !== null && !carried.has(id)) {
            carried.set(id, socket);
            socket.once('close', () => void carried.delete(id));
            socket.once('close', arrived);
          }
          return worker.send(message, rest[0]);
        }
        const [handle, onSent] = rest;
        stopReading(handle);
        return worker.send(message, handle, (error) => {
          arrived();
          onSent(error);
        });
      },
    };
  }

  return {
    hand({ socket, firstBytes, workers: ready, owners }) {
      if (isUpgradeWithBody(firstBytes)) {
        socket.end(refusedUpgrade);
        return;
      }
      const owner = ownerOfRequest(firstBytes, owners);
      const workers = owner === undefined ? ready : [owner];
      arrivals.emit('connection', socket);
      const among = Object.fromEntries(workers.map((worker) => [worker.id, placing(worker, socket)]));
      // Sticky chooses among `cluster.workers`, which holds each worker from its fork to its end, at the first bytes.
      const view: { workers?: object | undefined } = cluster;
      const all = cluster.workers;
      view.workers = among;
      try {
        socket.emit('data', firstBytes);
      } finally {
        view.workers = all;
      }
    },
  };
}
