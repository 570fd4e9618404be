/** The routes of declared operations: each path takes their methods and says so to every other one. Knows no operation. */
import { Router } from 'express';
import { createLoopTurns } from '../support/turns.ts';
import type { Gate, Method, Operation, OperationStage } from './operation.ts';
import { otherMethods } from './problem.ts';

/** In the order in which `Allow` names them; who takes GET takes HEAD. */
const allowed: readonly (readonly [Method, string])[] = [
  ['get', 'GET, HEAD'],
  ['put', 'PUT'],
  ['post', 'POST'],
  ['delete', 'DELETE'],
];

/** The path as Express writes it. */
const routePathOf = (path: string): string => path.replaceAll(/\{(\w+)\}/g, ':$1');

/** Gives the routes; every request passes the gate first. */
export function createOperationRoutes(operations: readonly Operation[], gate: Gate): Router {
  const router = Router();
  const stage: OperationStage = { gate, readTurn: createLoopTurns() };
  const byPath = new Map<string, Operation[]>();
  for (const one of operations) byPath.set(one.path, [...(byPath.get(one.path) ?? []), one]);
  for (const [path, ofPath] of byPath) {
    const route = router.route(routePathOf(path));
    for (const { method, serve } of ofPath) route[method]((req, res) => serve(req, res, stage));
    const methods = allowed.filter(([method]) => ofPath.some((one) => one.method === method));
    route.all(otherMethods(methods.map(([, names]) => names).join(', ')));
  }
  return router;
}
