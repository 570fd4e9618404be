/**
 * The side door: the Express application of a replica, composed of its routers. It listens nowhere itself and knows
 * the rest of the replica only by the functions that it is handed.
 */
import { parse } from 'node:querystring';
import express, { type Express } from 'express';
import type { Log } from '../support/log.ts';
import { createClients, type ClientsOptions } from '../support/client-address.ts';
import { createApi, type ApiOptions } from './api.ts';
import { createCors } from './cors.ts';
import { createHealth, type Vitals } from './health.ts';
import { createMetricsRoute, type MetricsRouteOptions } from './metrics.ts';
import { createPage } from './page.ts';
import { nothingHere, problemOfError } from './problem.ts';
import { createRequestLog } from './request-log.ts';
import { createSecurityHeaders } from './security-headers.ts';
import { createStreamRoutes } from './streams.ts';

/** What the application asks of the replica. No function of it is called before a request comes. */
export interface HttpAppOptions extends Omit<ApiOptions, 'clientOf'>, ClientsOptions {
  log: Log;
  /** Other origins whose pages may read the API; `*` alone for all. */
  corsOrigins: readonly string[];
  /** The folder of the built page. */
  clientRoot: string;
  /** Called for each question about health; must not wait for anything. */
  vitals: () => Vitals;
  /** Fires with the status of each answer below `/api`, when it has been sent. */
  onApiAnswer: (status: number) => void;
  /** Null where figures have a port of their own. */
  metrics: MetricsRouteOptions['metrics'] | null;
}

/** Gives the application, ready to be the listener of an HTTP server. */
export function createHttpApp(options: HttpAppOptions): Express {
  const { log, trustedProxies, corsOrigins, clientRoot, metrics } = options;
  const app = express();
  app.disable('x-powered-by');
  app.set('trust proxy', trustedProxies);
  // Every parameter: behind a thousand others one would be ignored.
  app.set('query parser', (query: string) => parse(query, '&', '=', { maxKeys: 0 }));

  app.use(createRequestLog(log, options.apiKeys));
  app.use(createSecurityHeaders());
  app.use(['/api', '/health'], createCors(corsOrigins));
  app.use(createHealth(options));
  if (metrics !== null) app.use(createMetricsRoute({ metrics }));
  app.use('/api', (_req, res, next) => {
    res.once('finish', () => options.onApiAnswer(res.statusCode));
    next();
  });
  app.use(createApi({ ...options, clientOf: createClients(options) }));
  app.use(createStreamRoutes());
  app.use(createPage(clientRoot));
  app.use(nothingHere);
  app.use(problemOfError);
  return app;
}
