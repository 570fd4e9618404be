/** Finds free ports for the programs that tests start, and checks that a given port is free. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import getPort, { portNumbers } from 'get-port';

/**
 * Above the highest port that `fetch` and browsers block (10080). Below Linux' ephemeral range (from 32768), because the kernel
 * gives its ports to outgoing connections: a port there may be lost before a program binds it, or while a replica restarts.
 */
const lowestPort = 11_000;
const highestPort = 32_000;
const portsPerWorker = 2_000;

/** Each worker of Vitest has its own range, and each of its processes begins at its own place there. */
const worker = Number(process.env['VITEST_POOL_ID'] ?? 0) % 10;
const startPort = lowestPort + worker * portsPerWorker + Math.floor(Math.random() * (portsPerWorker / 2));

/** A port that is free on `host`, every address of the machine when empty. This process never gets the same port twice. */
export function freePort(host = '127.0.0.1'): Promise<number> {
  return getPort({
    port: portNumbers(startPort, highestPort),
    reserve: true,
    ...(host === '' ? {} : { host }),
  });
}

/** Rejects with a sentence for people when the port is taken on `host`, every address of the machine when empty. */
export async function assertPortFree(port: number, host = ''): Promise<void> {
  const server = createServer();
  try {
    server.listen(port, ...(host === '' ? [] : [host]));
    await once(server, 'listening');
  } catch (error) {
    const isTaken = error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';
    throw new Error(`port ${port} ${isTaken ? 'is taken' : 'cannot be used'}`, { cause: error });
  }
  server.close();
  await once(server, 'close');
}
