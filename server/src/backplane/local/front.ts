/**
 * The one port of the local cluster: takes connections in the primary and lets sticky hand each to a worker that is
 * ready. A connection either reaches a worker or is closed; none waits for a worker that will not answer.
 */
import type { Worker } from 'node:cluster';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { assert } from '../../support/assert.ts';
import { createPassage } from './passage.ts';

/** A connection that has not said anything for this long is closed. */
const firstBytesMs = 60_000;

const unavailable =
  'HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\nContent-Length: 0\r\n\r\n';

export interface Front {
  /** Resolves with the port when it listens; rejects with an Error for people when it cannot. */
  listen(address: { host: string; port: number }): Promise<{ port: number }>;
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
}: {
  readyWorkers: () => Worker[];
  servingWorkers: () => Worker[];
}): Front {
  const passage = createPassage();
  /** Connections that have not said anything yet. */
  const silent = new Set<Socket>();
  const server = createServer({ noDelay: true }, accept);

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
    async listen({ host, port }) {
      try {
        server.listen({ host, port });
        await once(server, 'listening');
      } catch (cause) {
        throw new Error(explain(cause, { host, port }), { cause });
      }
      const address = server.address();
      assert(
        address !== null && typeof address === 'object',
        'a server that listens on a port has an address',
      );
      return { port: address.port };
    },
    close() {
      server.close();
      for (const socket of silent) socket.destroy();
    },
  };
}

function explain(cause: unknown, { host, port }: { host: string; port: number }): string {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  if (code === 'EADDRINUSE') {
    return `port ${port} of ${host} is taken: end the program that listens there, or set PORT to another port`;
  }
  if (code === 'EACCES') return `port ${port} may not be opened by this user: set PORT to one above 1023`;
  return `cannot listen on port ${port} of ${host}: ${String(cause)}`;
}
