/**
 * The one port of the local cluster: takes connections in the primary and lets sticky hand each to a worker that is
 * ready. A connection either reaches a worker or is closed; none waits for a worker that will not answer.
 */
import type { Worker } from 'node:cluster';
import { createServer, type Server, type Socket } from 'node:net';
import { listen, type Address } from '../../support/listen.ts';
import { createPassage } from './passage.ts';

/** A connection that has not said anything for this long is closed. */
const firstBytesMs = 60_000;

const unavailable =
  'HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\nContent-Length: 0\r\n\r\n';

/** The open port. Who speaks on it while no worker is ready is answered 503 with `Retry-After`, and closed. */
export interface Front {
  /** Resolves with the port when it listens; rejects with an Error for people when it cannot. */
  listen(address: Address): Promise<{ port: number }>;
  /** Stops listening and closes what no worker has yet. */
  close(): void;
}

/**
 * One a process, since sticky's listeners on the cluster stay. Asked for each connection: `readyWorkers` for those that
 * may get new clients, `servingWorkers` for those that still have sessions.
 */
export function createFront({
  readyWorkers,
  servingWorkers,
  onServer,
}: {
  readyWorkers: () => Worker[];
  servingWorkers: () => Worker[];
  /** Fires once, before it listens. */
  onServer?: (server: Server) => void;
}): Front {
  const passage = createPassage();
  /** Connections that have not said anything yet. */
  const silent = new Set<Socket>();
  const server = createServer({ noDelay: true }, accept);
  onServer?.(server);

  function accept(socket: Socket): void {
    silent.add(socket);
    socket.setTimeout(firstBytesMs, () => socket.destroy());
    socket.once('close', () => silent.delete(socket));
    // A peer's reset is no fault of ours; `close` follows.
    socket.on('error', () => {});
    socket.once('data', (firstBytes: Buffer) => {
      silent.delete(socket);
      socket.setTimeout(0);
      const workers = readyWorkers();
      if (workers.length > 0) passage.hand({ socket, firstBytes, workers, owners: servingWorkers() });
      else socket.end(unavailable);
    });
  }

  return {
    listen: async (address) => ({ port: await listen(server, address) }),
    close() {
      server.close();
      for (const socket of silent) socket.destroy();
    },
  };
}
