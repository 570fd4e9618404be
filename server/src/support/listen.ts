/** Opens a server's port, and says for people why it cannot. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';

/** `host` is empty for every address. `setting` is what people set the port by, PORT where absent. */
export interface Address {
  host: string;
  port: number;
  setting?: string;
}

/** Listens and resolves with the port, a free one where it is 0. Rejects with an Error for people where it cannot. */
export function listen(server: Server, address: Address): Promise<number> {
  const { host, port } = address;
  return new Promise((resolve, reject) => {
    const onError = (cause: Error): void => reject(new Error(whyNotListening(cause, address), { cause }));
    server.once('error', onError);
    server.listen({ port, ...(host !== '' && { host }) }, () => {
      server.off('error', onError);
      const own = server.address();
      resolve(typeof own === 'object' && own !== null ? own.port : port);
    });
  });
}

/** Rejects as `listen` does where the port cannot be opened: for one that other processes of ours are going to open. */
export async function assertCanListen(address: Address): Promise<void> {
  const server = createServer();
  await listen(server, address);
  server.close();
  await once(server, 'close');
}

function whyNotListening(cause: Error, { host, port, setting = 'PORT' }: Address): string {
  const code = 'code' in cause ? cause.code : undefined;
  const where = host === '' ? `port ${port}` : `port ${port} of ${host}`;
  if (code === 'EADDRINUSE')
    return `${where} is taken: end the program that listens there, or set ${setting} to another port`;
  if (code === 'EACCES') return `${where} may not be opened by this user: set ${setting} to one above 1023`;
  return `cannot listen on ${where}: ${cause.message}`;
}
