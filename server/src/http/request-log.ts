/**
 * One short log line per request: its id, method, path, status, duration and the name of its API key. Never headers or the query, which may
 * hold what a caller should not have put there; where a path or an id holds an API key or a token it is left out.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { RequestHandler } from 'express';
import { pinoHttp } from 'pino-http';
import type { Log } from '../support/log.ts';
import { createRedaction } from '../support/redaction.ts';
import { requestIdOf } from '../support/request-id.ts';
import type { NamedSecret } from '../support/secret-check.ts';

/** Characters of a path that are logged: whoever sends long ones fills no disk. */
const maxPath = 256;

function pathOf(req: IncomingMessage): string {
  // Express rewrites `url` below a router.
  const url = 'originalUrl' in req && typeof req.originalUrl === 'string' ? req.originalUrl : (req.url ?? '');
  return url.split('?', 1)[0] ?? '';
}

/** The names of the keys that requests showed. */
const keys = new WeakMap<ServerResponse, string>();

/** Has the name of the request's API key logged. */
export function noteKey(res: ServerResponse, name: string): void {
  keys.set(res, name);
}

/** One of few, as it is the line's kind: methods are those that Node's parser knows. */
function messageOf(req: IncomingMessage, res: ServerResponse): string {
  return res.writableEnded ? `${req.method} answered with ${res.statusCode}` : `${req.method} given up`;
}

/**
 * Gives the middleware. A request keeps the id that a proxy gave it in `X-Request-Id`, or gets one; the answer
 * carries it. API calls are logged at `info`, outages at `warn`, bugs at `error`, all else (page, health) at `debug`.
 */
export function createRequestLog(log: Log, apiKeys: readonly NamedSecret[]): RequestHandler {
  const redact = createRedaction(apiKeys);

  return pinoHttp({
    logger: log,
    wrapSerializers: false,
    serializers: {
      req: (req: IncomingMessage) => ({
        id: typeof req.id === 'string' ? redact(req.id) : req.id,
        method: req.method,
        // The whole of it is looked into: the start of a key is one too many.
        path: redact(pathOf(req)).slice(0, maxPath),
      }),
      status: (res: ServerResponse) => res.statusCode,
    },
    customAttributeKeys: { res: 'status', responseTime: 'ms' },
    genReqId: (req, res) => {
      const id = requestIdOf(req.headers['x-request-id']);
      res.setHeader('X-Request-Id', id);
      return id;
    },
    customLogLevel: (req, res) => {
      if (res.err !== undefined) return 'error';
      if (!pathOf(req).startsWith('/api/')) return 'debug';
      return res.statusCode >= 500 ? 'warn' : 'info';
    },
    customSuccessObject: (_req, res, line: object) => ({ ...line, key: keys.get(res) }),
    customSuccessMessage: messageOf,
    // Without an error of its own a 5xx is a refusal, and the made-up stack of pino-http says nothing.
    customErrorObject: (_req, res, error, line: object) => ({
      ...line,
      key: keys.get(res),
      err: res.err === undefined ? undefined : error,
    }),
    customErrorMessage: messageOf,
  });
}
