/** Single requests to the one port of the local cluster, each on a connection of its own. */
import { once } from 'node:events';
import { connect } from 'node:net';

export const body = 'x'.repeat(200_000);
/** Without a body the connection itself goes to a worker; with one, its bytes are carried there. */
const requests = {
  get: 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n',
  post: `POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
};

export type Outcome = { at: 'answered'; status: number; text: string } | { at: 'closed' } | { at: 'hanging' };

/** One request on a connection of its own. It hangs when it is still open after `limitMs`. */
export async function request(port: number, kind: keyof typeof requests, limitMs: number): Promise<Outcome> {
  const socket = connect(port, '127.0.0.1').setEncoding('utf8');
  let text = '';
  socket.on('data', (chunk: string) => void (text += chunk));
  socket.on('error', () => {});
  const limit = AbortSignal.timeout(limitMs);
  socket.write(requests[kind]);
  try {
    await once(socket, 'close', { signal: limit });
  } catch {
    socket.destroy();
    return { at: 'hanging' };
  }
  const status = /^HTTP\/1\.1 (\d+) /.exec(text)?.[1];
  if (status === undefined) return { at: 'closed' };
  return { at: 'answered', status: Number(status), text };
}

/** Clients that make one request after another until they are told to stop. */
export function hammer(port: number, { clients, limitMs }: { clients: number; limitMs: number }) {
  const outcomes: Outcome[] = [];
  let going = true;
  const done = Promise.all(
    Array.from({ length: clients }, async (_, index) => {
      while (going) outcomes.push(await request(port, index % 4 === 0 ? 'post' : 'get', limitMs));
    }),
  );
  return {
    outcomes,
    answered: (status: number) =>
      outcomes.filter((each) => each.at === 'answered' && each.status === status).length,
    async stop() {
      going = false;
      await done;
    },
  };
}
