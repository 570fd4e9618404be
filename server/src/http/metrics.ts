/** `GET /metrics` in Prometheus' text form. Knows no figure. Not for the public: Nginx does not pass it on. */
/* oxlint-disable oxc/no-async-endpoint-handlers -- Express 5 hands a rejection to the error handler */
import { Router } from 'express';
import { otherMethods } from './problem.ts';

export interface MetricsRouteOptions {
  metrics: { contentType: string; text: () => Promise<string> };
}

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
