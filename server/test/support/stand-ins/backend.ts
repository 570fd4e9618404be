/**
 * A backend as a team would write one: a true HTTP server that verifies what it gets by the documented form of the signature
 * alone, and answers as the test says. May stop, and come back at the same address.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import { onTestFinished } from 'vitest';
import { z } from 'zod';
import { listen } from '../../../src/support/listen.ts';

/** The secret by which it verifies; a replica under test has it as `BACKEND_SECRET`. */
export const backendSecret = 'dummy-backend-secret-of-32-bytes-1';

const letter = z.strictObject({
  id: z.string(),
  event: z.string(),
  data: z.unknown(),
  user: z.string().nullable(),
  session: z.string().nullable(),
  node: z.string(),
  instance: z.uuid(),
  at: z.number(),
});
/** The body of one request to the backend, by [BR1]: another field, or one that is missing, is an error. */
export type Letter = z.output<typeof letter>;

/** One that was genuine, with what it came as. */
export interface Got extends Letter {
  headers: IncomingHttpHeaders;
  text: string;
}

/**
 * `forged`: not signed with the secret. `old`: signed more than 300 s ago or ahead. `repeated`: its id was there
 * before. SPEC.md [BR3].
 */
export type Verdict = 'genuine' | 'forged' | 'old' | 'repeated';

/** Answers one that was genuine; JSON of what it gives, unless it answers by itself and gives undefined. */
export type Respond = (got: Got, response: ServerResponse) => unknown;

/** A backend and all that it was asked. While it is stopped, its address refuses connections. */
export interface Backend {
  readonly url: string;
  /** Everything genuine, in the order in which it came. */
  readonly got: readonly Got[];
  /** Those of that event. */
  of(event: string): readonly Got[];
  /** What it found of everything that came. */
  readonly verdicts: readonly Verdict[];
  /** How many requests were being answered at once, at most. */
  mostAtOnce(): number;
  respond: Respond;
  /** Ends every connection and closes the port. */
  stop(): Promise<void>;
  /** Listens again where it did. */
  start(): Promise<void>;
}

const maxAgeS = 300;

/** Ends with the test. Answers everything with `{ok: true, event}` until the test says otherwise. */
export async function startBackend(
  respond: Respond = ({ event }) => ({ ok: true, event }),
): Promise<Backend> {
  const got: Got[] = [];
  const verdicts: Verdict[] = [];
  const seen = new Set<string>();
  let atOnce = 0;
  let mostAtOnce = 0;
  let server: Server | null = null;
  let port = 0;

  function judge(signature: string, text: string): Verdict {
    const [, t = '', v1 = ''] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(signature) ?? [];
    const expected = createHmac('sha256', backendSecret).update(`${t}.${text}`).digest();
    const shown = Buffer.from(v1, 'hex');
    if (shown.length !== expected.length || !timingSafeEqual(shown, expected)) return 'forged';
    if (Math.abs(Date.now() / 1_000 - Number(t)) > maxAgeS) return 'old';
    const { id } = letter.parse(JSON.parse(text));
    if (seen.has(id)) return 'repeated';
    seen.add(id);
    return 'genuine';
  }

  async function start(): Promise<void> {
    const one = createServer((request, response) => {
      atOnce++;
      mostAtOnce = Math.max(mostAtOnce, atOnce);
      response.once('close', () => atOnce--);
      let text = '';
      request.setEncoding('utf8');
      request.on('data', (part: string) => (text += part));
      request.on('end', () => {
        const verdict = judge(String(request.headers['tickwire-signature']), text);
        verdicts.push(verdict);
        if (verdict !== 'genuine') {
          response.writeHead(401).end();
          return;
        }
        const whole = { ...letter.parse(JSON.parse(text)), headers: request.headers, text };
        got.push(whole);
        const answer = backend.respond(whole, response);
        if (answer !== undefined)
          response.setHeader('Content-Type', 'application/json').end(JSON.stringify(answer));
      });
    });
    port = await listen(one, { host: '127.0.0.1', port });
    server = one;
  }

  async function stop(): Promise<void> {
    const ending = server;
    server = null;
    if (ending === null) return;
    await new Promise<void>((resolve) => {
      ending.close(() => resolve());
      ending.closeAllConnections();
    });
  }

  await start();
  onTestFinished(stop);
  const backend: Backend = {
    url: `http://127.0.0.1:${port}/tickwire?from=test`,
    got,
    of: (event) => got.filter((one) => one.event === event),
    verdicts,
    mostAtOnce: () => mostAtOnce,
    respond,
    stop,
    start,
  };
  return backend;
}
