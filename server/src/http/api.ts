/** The API: every operation that there is, the document of them, and its page for people. Each is declared in a file of its own. */
import { Router } from 'express';
import { createCallers, type CallersOptions } from './callers.ts';
import { createDisconnectOperation, type DisconnectOptions } from './disconnect.ts';
import { createDocsRoutes } from './docs.ts';
import { createFeedOperations, type FeedOptions } from './feed.ts';
import { createMessageOperation, type MessagesOptions } from './messages.ts';
import { createNodeOperations, type NodesOptions } from './nodes.ts';
import { createOpenApi } from './openapi.ts';
import { createOperationRoutes } from './operation-routes.ts';
import { createQuoteOperation, type QuoteCallOptions } from './quote-call.ts';
import { createSymbolChangeOperations, type SymbolChangesOptions } from './symbol-changes.ts';
import { createStatsOperation, type StatsOptions } from './stats.ts';
import { createStatusOperation, type StatusOptions } from './status.ts';
import { createSymbolOperation, type SymbolsOptions } from './symbols.ts';
import { createTickOperations, type TicksOptions } from './ticks.ts';

/** What all operations ask of the replica together; each part is said in the file of its operation. */
export interface ApiOptions
  extends
    CallersOptions,
    TicksOptions,
    MessagesOptions,
    QuoteCallOptions,
    SymbolsOptions,
    DisconnectOptions,
    FeedOptions,
    NodesOptions,
    StatsOptions,
    StatusOptions,
    SymbolChangesOptions {}

/** Gives the routes below `/api`. */
export function createApi(options: ApiOptions): Router {
  const operations = [
    ...createTickOperations(options),
    createMessageOperation(options),
    createQuoteOperation(options),
    createSymbolOperation(options),
    createDisconnectOperation(options),
    ...createFeedOperations(options),
    ...createNodeOperations(options),
    ...createSymbolChangeOperations(options),
    createStatsOperation(options),
    createStatusOperation(options),
  ];
  const router = Router();
  router.use(createOperationRoutes(operations, createCallers(options)));
  router.use(createDocsRoutes(createOpenApi(operations)));
  return router;
}
