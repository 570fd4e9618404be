/** Opens an HTTP server's port. */
import type { Server } from 'node:http';

/** Listens and resolves with the port, a free one where it is 0; every address where `host` is empty. Rejects where it is taken. */
export function listen(server: Server, { port, host }: { port: number; host: string }): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, ...(host !== '' && { host }) }, () => {
      server.off('error', reject);
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : port);
    });
  });
}
