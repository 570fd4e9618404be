/** A replica with a backend, a client of it, and programs that stand where a backend should. */
import { createServer, type Server, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import type { Refusal } from '../../protocol/index.ts';
import { backendSecret } from '../support/backend.ts';
import type { Recorder } from '../support/recorder.ts';
import { startReplica, type ReplicaUnderTest } from './replica-under-test.ts';

/** How long a backend has to answer here, in milliseconds. */
export const timeoutMs = 400;

export function bridged(url: string, env: Record<string, string> = {}): Promise<ReplicaUnderTest> {
  return startReplica({
    BACKEND_URL: url,
    BACKEND_SECRET: backendSecret,
    BACKEND_TIMEOUT_MS: String(timeoutMs),
    ...env,
  });
}

export async function joined({ connect }: ReplicaUnderTest): Promise<Recorder> {
  const client = connect({ transports: ['websocket'], reconnection: false });
  await client.seen('feed');
  return client;
}

export const order = (client: Recorder, data: unknown = 1): Promise<Refusal & { ok: boolean }> =>
  client.call('order', data);

/** A port that does with every connection what the test says; gone with the test, and every connection with it. */
export async function startPort(
  onSocket: (socket: Socket) => void,
): Promise<{ url: string; server: Server }> {
  const server = createServer((socket) => {
    onTestFinished(() => void socket.destroy());
    socket.on('error', () => {});
    onSocket(socket);
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('listens on no port');
  return { url: `http://127.0.0.1:${address.port}/`, server };
}

/** A port at which every connection is answered with these bytes as soon as something came, and then closed where they say so. */
export function startRaw(answer: string, { thenEnd = true } = {}): Promise<{ url: string; server: Server }> {
  return startPort((socket) => {
    socket.once('data', () => {
      if (answer !== '') socket.write(answer);
      if (thenEnd) socket.end();
    });
  });
}

/** The figure of the first line that begins so; 0 where there is none. */
export async function metric(replica: ReplicaUnderTest, start: string): Promise<number> {
  const text = await (await fetch(`${replica.url}/metrics`)).text();
  return Number(
    text
      .split('\n')
      .find((line) => line.startsWith(start))
      ?.split(' ')
      .at(-1) ?? 0,
  );
}
