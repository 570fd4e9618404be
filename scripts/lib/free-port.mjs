/** Ports: one that is free, or a clear word that one is taken. */
import { once } from 'node:events';
import { createServer } from 'node:net';

/**
 * A port that nobody listens on at this moment.
 *
 * @param {string} [host]
 * @returns {Promise<number>}
 */
export async function freePort(host = '127.0.0.1') {
  return listenOnce(0, host);
}

/**
 * Rejects with a sentence for people when somebody listens on the port.
 *
 * @param {number} port
 * @param {string} [host] Every address of the machine when empty.
 */
export async function assertPortFree(port, host = '') {
  try {
    await listenOnce(port, host);
  } catch (error) {
    const taken = error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';
    throw new Error(`port ${port} ${taken ? 'is taken' : 'cannot be used'}`, { cause: error });
  }
}

/**
 * @param {number} port
 * @param {string} host
 */
async function listenOnce(port, host) {
  const server = createServer();
  server.listen(port, ...(host === '' ? [] : [host]));
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('a TCP server must have a port');
  return address.port;
}
