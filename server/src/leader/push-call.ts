/** A push on its way to the leader, from whichever replica took it, and its arrival there. Knows neither HTTP nor what the leader does with it. */
import { refusal, type Refusal } from '../../protocol/index.ts';
import { NoLeader, type LeaderLine } from '../backplane/contract.ts';
import type { Log } from '../support/log.ts';
import type { PushOutcome } from './lane.ts';
import type { PushBatch } from './publisher.ts';

export interface PushCallOptions {
  leaderLine: Pick<LeaderLine, 'call'>;
  /** The epoch of the leader that is known, or null. */
  epoch: () => number | null;
  /** Why these symbols may not be pushed, or null. */
  refuse: (symbols: ReadonlySet<string>) => Refusal | null;
  log: Log;
}

/** Gives the function that pushes; it never rejects. */
export function createPushCall({ leaderLine, epoch, refuse, log }: PushCallOptions) {
  return async (batch: PushBatch): Promise<PushOutcome> => {
    const refused = refuse(new Set(batch.ticks.map(({ symbol }) => symbol)));
    if (refused !== null) return { ok: false, refusal: refused };
    const term = epoch();
    if (term === null) return { ok: false, refusal: refusal('no_leader') };
    try {
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- both ends are replicas: this is what the leader's publisher gave
      return (await leaderLine.call(term, batch)) as PushOutcome;
    } catch (error) {
      log.debug({ err: error }, 'a push did not reach the leader');
      return { ok: false, refusal: refusal(error instanceof NoLeader ? 'no_leader' : 'push_unconfirmed') };
    }
  };
}

/** Answers the pushes that reach the leader of that epoch, until the function that it gives is called. */
export function servePushes(
  leaderLine: Pick<LeaderLine, 'serve'>,
  epoch: number,
  push: (batch: PushBatch) => Promise<PushOutcome>,
): () => void {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- both ends are replicas: this is what `createPushCall` sent
  return leaderLine.serve(epoch, (batch) => push(batch as PushBatch));
}
