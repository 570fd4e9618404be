/**
 * `GET /metrics` in Prometheus' text form, beside the rest or as an application of its own. Knows no figure. Not for the
 * public: Nginx does not pass it on.
 */
/* oxlint-disable oxc/no-async-endpoint-handlers -- Express 5 hands a rejection to the error handler */
import express, { Router, type Express } from 'express';
import type { Log } from '../support/log.ts';
import type { NamedSecret } from '../support/secret-check.ts';
import { nothingHere, otherMethods, problemOfError } from './problem.ts';
import { createRequestLog } from './request-log.ts';
import { createSecurityHeaders } from './security-headers.ts';

/** Where the figures come from. `text` is asked for at each request; where it rejects, the answer is 500. */
export interface MetricsRouteOptions {
  metrics: { contentType: string; text: () => Promise<string> };
}

/** Gives the application of a port that has `/metrics` alone. */
export function createMetricsApp({
  log,
  apiKeys,
  metrics,
}: MetricsRouteOptions & { log: Log; apiKeys: readonly NamedSecret[] }): Express {
  const app = express();
  app.disable('x-powered-by');
  app.use(createRequestLog(log, apiKeys));
  app.use(createSecurityHeaders());
  app.use(createMetricsRoute({ metrics }));
  app.use(nothingHere);
  app.use(problemOfError);
  return app;
}

/** Answers GET and HEAD, each time anew, and any other method with 405. Asks for no key. */
export function createMetricsRoute({ metrics }: MetricsRouteOptions): Router {
  const router = Router();
  router
    .route('/metrics')
    .get(async (_req, res) => {
      const text = await metrics.text();
      res.set({ 'Content-Type': metrics.contentType, 'Cache-Control': 'no-store' }).send(text);
    })
    .all(otherMethods('GET, HEAD'));
  return router;
}
