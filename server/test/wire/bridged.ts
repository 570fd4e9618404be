/** A replica with a backend, a client of it, and programs in place of a backend. */
import { createServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import type { Refusal } from '../../protocol/index.ts';
import type { Outcome } from '../../src/bridge/outcome.ts';
import { listen } from '../../src/support/listen.ts';
import { backendSecret } from '../support/stand-ins/backend.ts';
import type { Recorder } from '../support/clients/recorder.ts';
import { startReplica, type ReplicaUnderTest } from './replica-under-test.ts';

/** The setting by which a backend that does not answer is soon given up. */
export const impatient = { BACKEND_TIMEOUT_MS: '400' };

export const bridged = (url: string, env: Record<string, string> = {}): Promise<ReplicaUnderTest> =>
  startReplica({ BACKEND_URL: url, BACKEND_SECRET: backendSecret, ...env });

/** A client, of that user or of none, that does not reconnect. */
export const joined = (
  { join }: ReplicaUnderTest,
  user?: string,
  transport: 'websocket' | 'polling' = 'websocket',
): Promise<Recorder> =>
  join({
    transports: [transport],
    reconnection: false,
    ...(user !== undefined && { auth: { userId: user } }),
  });

export const order = (client: Recorder, data: unknown = 1): Promise<Refusal & { ok: boolean }> =>
  client.call('order', data);

/** A port that does with every connection what the test says. It is closed with the test, and so are its connections. */
export async function startPort(onSocket: (socket: Socket) => void): Promise<{ url: string }> {
  const server = createServer((socket) => {
    onTestFinished(() => void socket.destroy());
    socket.on('error', () => {});
    onSocket(socket);
  });
  const port = await listen(server, { host: '127.0.0.1', port: 0 });
  onTestFinished(() => void server.close());
  return { url: `http://127.0.0.1:${port}/` };
}

export const asked = ({ metric }: ReplicaUnderTest, outcome: Outcome | 'open' | 'full'): Promise<number> =>
  metric('tickwire_backend_requests_total', `outcome="${outcome}"`);
