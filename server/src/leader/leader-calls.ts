/**
 * What any replica may ask of whoever leads, over the leader line, and how the leader answers. Knows neither HTTP nor what the
 * leader does.
 */
import { refusal, type Refusal } from '../../protocol/index.ts';
import { NoLeader, type LeaderLine } from '../backplane/contract.ts';
import type { Log } from '../support/log.ts';
import type { PushOutcome } from './lane.ts';
import type { Publisher, PushBatch } from './publisher.ts';
import type { ListOutcome, ListRequest } from './term-list.ts';
import type { PauseOutcome } from './term-pause.ts';

/** One call, with what it is called with. */
type LeaderCall =
  | { call: 'push'; batch: PushBatch }
  | { call: 'change list'; request: ListRequest }
  | { call: 'pause'; isPaused: boolean };

interface Outcomes {
  push: PushOutcome;
  'change list': ListOutcome;
  pause: PauseOutcome;
}

/** What the calls go over, and what this replica knows by itself. */
export interface LeaderCallsOptions {
  leaderLine: Pick<LeaderLine, 'call'>;
  /** That of the leader that is known, or null. */
  epoch: () => number | null;
  /** Why these symbols may not be pushed as far as this replica knows, or null: said where the leader cannot. */
  refusePush: (symbols: ReadonlySet<string>) => Refusal | null;
  /** Resolves when this replica goes by the changes of that version, or does not in time. */
  reached: (version: number) => Promise<void>;
  log: Log;
}

/** None of them ever rejects. Where the leader gave no answer they are refused as unconfirmed, and with `no_leader` where nobody was asked. */
export interface LeaderCalls {
  push: (batch: PushBatch) => Promise<PushOutcome>;
  changeList: (request: ListRequest) => Promise<ListOutcome>;
  pauseFeed: (isPaused: boolean) => Promise<PauseOutcome>;
}

/** Gives the calls of this replica, which may lead itself. */
export function createLeaderCalls(options: LeaderCallsOptions): LeaderCalls {
  const { leaderLine, epoch, refusePush, reached, log } = options;

  async function ask<Call extends LeaderCall>(
    call: Call,
    whyNot: (error: unknown) => Refusal,
  ): Promise<Outcomes[Call['call']] | { ok: false; refusal: Refusal }> {
    try {
      const term = epoch();
      if (term === null) throw new NoLeader('nobody is known to lead');
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- both ends are replicas: this is what `serveLeaderCalls` gave
      return (await leaderLine.call(term, call)) as Outcomes[Call['call']];
    } catch (error) {
      log.debug({ err: error, call: call.call }, 'a call did not reach the leader');
      return { ok: false, refusal: whyNot(error) };
    }
  }

  /** `unconfirmed` where it may have been done. */
  function orElse(unconfirmed: Parameters<typeof refusal>[0]) {
    return (error: unknown): Refusal => refusal(error instanceof NoLeader ? 'no_leader' : unconfirmed);
  }

  return {
    push: (batch) => {
      // Said only where the leader is not there to say it: this replica may not have heard of a symbol that was just added.
      const refused = refusePush(new Set(batch.ticks.map(({ symbol }) => symbol)));
      return ask({ call: 'push', batch }, (error) => refused ?? orElse('push_unconfirmed')(error));
    },
    changeList: async (request) => {
      const outcome = await ask({ call: 'change list', request }, orElse('list_unconfirmed'));
      // Who asks the same replica next is to find what it was told.
      if (outcome.ok) await reached(outcome.version);
      return outcome;
    },
    pauseFeed: (isPaused) => ask({ call: 'pause', isPaused }, orElse('pause_unconfirmed')),
  };
}

/** Answers the calls that reach the leader of that epoch, until the function that it gives is called. */
export function serveLeaderCalls(
  leaderLine: Pick<LeaderLine, 'serve'>,
  epoch: number,
  publisher: Pick<Publisher, 'push' | 'changeList' | 'setPaused'>,
): () => void {
  return leaderLine.serve(epoch, (asked) => {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- both ends are replicas: this is what `createLeaderCalls` sent
    const call = asked as LeaderCall;
    if (call.call === 'push') return publisher.push(call.batch);
    return call.call === 'pause' ? publisher.setPaused(call.isPaused) : publisher.changeList(call.request);
  });
}
