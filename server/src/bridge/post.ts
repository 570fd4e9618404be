/**
 * One signed POST to the backend, and what came of it: an answer, or one of the failures of outcome.ts. Never rejects. The
 * address is the operator's, nothing of a client is in it, and redirects are not followed. Keeps SPEC.md [BR1], [BR3], [BR5].
 */
import { Pool, type Dispatcher } from 'undici';
import { limits } from '../../protocol/index.ts';
import type { Clock } from '../support/clock.ts';
import { isPlainJson } from '../support/plain-json.ts';
import type { Sent } from './outcome.ts';
import { signatureHeader, signatureOf } from './signature.ts';

interface PostOptions {
  url: string;
  secret: string;
  /** Connections that are kept at most. */
  maxConcurrent: number;
  /** How long a connection may take to come about, in milliseconds. */
  connectMs: number;
  clock: Pick<Clock, 'now' | 'after'>;
}

/** Requests to one backend, over connections that are kept for a moment. */
export interface Post {
  /** Sends the body, which is JSON, under that id. */
  post: (request: { id: string; body: string }, withinMs: number) => Promise<Sent>;
  /** Ends every connection; what is on its way fails. */
  close: () => Promise<void>;
}

const jsonType = /^application\/([\w.+-]+\+)?json\s*(;|$)/i;
/** A connection that lies idle is soon ours to close, in milliseconds: where the backend closes it first, what we send at that moment is lost. */
const idleMs = 1_000;
/** Errors of TLS while a connection comes about. */
const tlsError = /^ERR_(TLS|SSL)_|CERT|^UNABLE_TO_|^EPROTO$/;

/** Connects with the first request; throws where the url is no url. */
export function createPost({ url, secret, maxConcurrent, connectMs, clock }: PostOptions): Post {
  const { origin, pathname, search } = new URL(url);
  const pool = new Pool(origin, {
    connections: maxConcurrent,
    // The one time limit is ours, over all of it.
    headersTimeout: 0,
    bodyTimeout: 0,
    maxResponseSize: limits.maxBackendAnswerBytes,
    connect: { timeout: connectMs },
    keepAliveTimeout: idleMs,
  });

  return {
    post: async ({ id, body }, withinMs) => {
      const ending = new AbortController();
      const cancel = clock.after(withinMs, () => ending.abort());
      let status: number | undefined;
      try {
        const response = await pool.request({
          path: `${pathname}${search}`,
          method: 'POST',
          headers: {
            'content-type': 'application/json',
            accept: 'application/json',
            'user-agent': 'tickwire',
            'x-request-id': id,
            [signatureHeader]: signatureOf({ secret, body, now: clock.now() }),
          },
          body,
          signal: ending.signal,
        });
        status = response.statusCode;
        return sentOf(response, await response.body.text());
      } catch (error) {
        return ending.signal.aborted
          ? { outcome: 'timeout', detail: `no answer within ${Math.round(withinMs)} ms` }
          : failureOf(error, status);
      } finally {
        cancel();
      }
    },
    close: () => pool.destroy(),
  };
}

function sentOf({ statusCode, headers }: Dispatcher.ResponseData, text: string): Sent {
  const detail = `HTTP ${statusCode}`;
  if (statusCode === 429 || statusCode === 503) return { outcome: 'busy', detail };
  if (statusCode === 502) return { outcome: 'lost', detail };
  if (statusCode === 504) return { outcome: 'timeout', detail };
  if (statusCode >= 400 && statusCode < 500) return { outcome: 'refused', detail };
  if (statusCode < 200 || statusCode >= 300) return { outcome: 'error', detail };
  if (text === '') return { outcome: 'answered', answer: { ok: true } };
  const bad = (why: string): Sent => ({ outcome: 'bad_answer', detail: why, status: statusCode });
  const { 'content-type': type, 'content-encoding': encoding = 'identity' } = headers;
  if (typeof type !== 'string' || !jsonType.test(type) || encoding !== 'identity')
    return bad('the answer is not application/json');
  let answer: unknown;
  try {
    answer = JSON.parse(text);
  } catch {
    // The parser's own words repeat the text.
    return bad('the answer is no JSON');
  }
  return isPlainJson(answer, limits.maxDataDepth)
    ? { outcome: 'answered', answer }
    : bad('the answer is too deep');
}

/** `status` is that of the answer, as far as it came. */
function failureOf(error: unknown, status: number | undefined): Sent {
  const detail = codeOf(error);
  if (isUnsent(error)) return { outcome: 'unreachable', detail };
  const isBad = /^HPE_|^UND_ERR_(RES_|HEADERS_OVERFLOW)/.test(detail);
  if (!isBad) return { outcome: 'lost', detail };
  return { outcome: 'bad_answer', detail, ...(status === undefined ? {} : { status }) };
}

/** Whether not one byte of the request can have arrived. */
function isUnsent(error: unknown): boolean {
  // Every address of a name was tried.
  if (error instanceof AggregateError) return error.errors.every(isUnsent);
  const code = codeOf(error);
  const syscall = error instanceof Error && 'syscall' in error ? error.syscall : null;
  return (
    syscall === 'connect' ||
    syscall === 'getaddrinfo' ||
    code === 'UND_ERR_CONNECT_TIMEOUT' ||
    tlsError.test(code)
  );
}

function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
}
