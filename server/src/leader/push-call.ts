/** A push on its way to the leader, from whichever replica took it. Knows neither HTTP nor what the leader does with it. */
import { refusal, type Refusal } from '../../protocol/index.ts';
import { NoLeader } from '../backplane/contract.ts';
import type { Log } from '../support/log.ts';
import type { PushOutcome } from './lane.ts';
import type { AskLeader } from './leader-calls.ts';
import type { PushBatch } from './publisher.ts';

export interface PushCallOptions {
  askLeader: AskLeader;
  /** Why these symbols may not be pushed as far as this replica knows, or null: said where the leader cannot. */
  refuse: (symbols: ReadonlySet<string>) => Refusal | null;
  log: Log;
}

/** Gives the function that pushes; it never rejects. */
export function createPushCall({ askLeader, refuse, log }: PushCallOptions) {
  return async (batch: PushBatch): Promise<PushOutcome> => {
    const refused = refuse(new Set(batch.ticks.map(({ symbol }) => symbol)));
    try {
      // Whatever this replica knows: it may not have heard of a symbol that was just added.
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- both ends are replicas: this is what the leader's publisher gave
      return (await askLeader({ call: 'push', batch })) as PushOutcome;
    } catch (error) {
      if (refused !== null) return { ok: false, refusal: refused };
      log.debug({ err: error }, 'a push did not reach the leader');
      return { ok: false, refusal: refusal(error instanceof NoLeader ? 'no_leader' : 'push_unconfirmed') };
    }
  };
}
