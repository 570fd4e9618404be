/** `/stream` for whoever asks it without an upgrade: it is no page. The WebSockets there are the session stage's. SPEC.md [PW1]. */
import { Router, type RequestHandler } from 'express';
import { refusal } from '../../protocol/index.ts';
import { otherMethods, sendProblem } from './problem.ts';

const upgradeRequired: RequestHandler = (_req, res) => {
  res.set({ Upgrade: 'websocket', Connection: 'Upgrade' });
  sendProblem(res, refusal('upgrade_required'));
};

/** The routes of `/stream` that are no WebSocket. */
export function createStreamRoutes(): Router {
  const router = Router();
  router.route(['/stream', '/stream/*symbol']).get(upgradeRequired).all(otherMethods('GET, HEAD'));
  return router;
}
