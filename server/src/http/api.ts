/** The API: every operation that there is, the document of them, and its page for people. Each is declared in a file of its own. */
import { Router } from 'express';
import { createCallers, type CallersOptions } from './callers.ts';
import { createMessageOperation, type MessagesOptions } from './messages.ts';
import { createNodeOperations, type NodesOptions } from './nodes.ts';
import { createOpenApi } from './openapi.ts';
import { createOperationRoutes } from './operation-routes.ts';
import { otherMethods } from './problem.ts';
import { createQuoteOperation, type QuoteCallOptions } from './quote-call.ts';
import { createTickOperations, type TicksOptions } from './ticks.ts';

export interface ApiOptions
  extends CallersOptions, TicksOptions, MessagesOptions, QuoteCallOptions, NodesOptions {}

/** Gives the routes below `/api`. */
export function createApi(options: ApiOptions): Router {
  const operations = [
    ...createTickOperations(options),
    createMessageOperation(options),
    createQuoteOperation(options),
    ...createNodeOperations(options),
  ];
  const document = createOpenApi(operations);
  const router = Router();
  router.use(createOperationRoutes(operations, createCallers(options)));
  router
    .route('/api/openapi.json')
    .get((_req, res) => void res.set('Cache-Control', 'no-cache').json(document))
    .all(otherMethods('GET, HEAD'));
  return router;
}
