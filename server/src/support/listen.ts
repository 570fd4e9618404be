/** Opens a server's port, and says for people why it cannot. */
import type { Server } from 'node:net';

/** `host` is empty for every address. */
export interface Address {
  host: string;
  port: number;
}

/** Listens and resolves with the port, a free one where it is 0. Rejects with an Error for people where it cannot. */
export function listen(server: Server, { host, port }: Address): Promise<number> {
  return new Promise((resolve, reject) => {
    const onError = (cause: Error): void =>
      reject(new Error(whyNotListening(cause, { host, port }), { cause }));
    server.once('error', onError);
    server.listen({ port, ...(host !== '' && { host }) }, () => {
      server.off('error', onError);
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : port);
    });
  });
}

function whyNotListening(cause: Error, { host, port }: Address): string {
  const code = 'code' in cause ? cause.code : undefined;
  const where = host === '' ? `port ${port}` : `port ${port} of ${host}`;
  if (code === 'EADDRINUSE')
    return `${where} is taken: end the program that listens there, or set PORT to another port`;
  if (code === 'EACCES') return `${where} may not be opened by this user: set PORT to one above 1023`;
  return `cannot listen on ${where}: ${cause.message}`;
}
