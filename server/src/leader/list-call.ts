/** A change of the symbol list on its way to the leader, from whichever replica took it. Knows neither HTTP nor the list. */
import { refusal } from '../../protocol/index.ts';
import { NoLeader } from '../backplane/contract.ts';
import type { Log } from '../support/log.ts';
import type { AskLeader } from './leader-calls.ts';
import type { ListOutcome, ListRequest } from './term-list.ts';

export interface ListCallOptions {
  askLeader: AskLeader;
  /** Resolves when this replica goes by the changes of that version, or does not in time. */
  reached: (version: number) => Promise<void>;
  log: Log;
}

/** Gives the function that changes the list; it never rejects. */
export function createListCall({ askLeader, reached, log }: ListCallOptions) {
  return async (request: ListRequest): Promise<ListOutcome> => {
    try {
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- both ends are replicas: this is what the leader's publisher gave
      const outcome = (await askLeader({ call: 'change list', request })) as ListOutcome;
      // Who asks the same replica next is to find what it was told.
      if (outcome.ok) await reached(outcome.version);
      return outcome;
    } catch (error) {
      log.debug({ err: error }, 'a change of the symbol list did not reach the leader');
      return { ok: false, refusal: refusal(error instanceof NoLeader ? 'no_leader' : 'list_unconfirmed') };
    }
  };
}
