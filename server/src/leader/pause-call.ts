/** A pause of the feed, or its end, on its way to the leader, from whichever replica took it. Knows no HTTP. */
import { refusal } from '../../protocol/index.ts';
import { NoLeader } from '../backplane/contract.ts';
import type { Log } from '../support/log.ts';
import type { AskLeader } from './leader-calls.ts';
import type { PauseOutcome } from './term-pause.ts';

/** Gives the function that pauses or resumes; it never rejects. */
export function createPauseCall({ askLeader, log }: { askLeader: AskLeader; log: Log }) {
  return async (isPaused: boolean): Promise<PauseOutcome> => {
    try {
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- both ends are replicas: this is what the leader's publisher gave
      return (await askLeader({ call: 'pause', isPaused })) as PauseOutcome;
    } catch (error) {
      log.debug({ err: error }, 'a pause of the feed did not reach the leader');
      return { ok: false, refusal: refusal(error instanceof NoLeader ? 'no_leader' : 'pause_unconfirmed') };
    }
  };
}
