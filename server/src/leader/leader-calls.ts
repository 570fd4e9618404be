/**
 * What any replica may ask of the leader, and how the leader answers. Knows neither HTTP nor what the leader does.
 */
import { refusal, type Refusal } from '../../protocol/index.ts';
import { NobodyThere, type Calls } from '../backplane/contract.ts';
import type { Log } from '../support/log.ts';
import type { PushBatch, PushOutcome } from './appender.ts';
import type { ListOutcome, ListRequest, PauseOutcome, Term } from './term.ts';

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

/** The replica that leads, and its epoch. */
export interface KnownLeader {
  node: string;
  epoch: number;
}

/** What the calls go over, and what this replica knows by itself. */
export interface LeaderCallsOptions {
  calls: Pick<Calls, 'call' | 'answer'>;
  /** The leader as far as this replica knows; null if there is none. */
  known: () => KnownLeader | null;
  /** The term of that epoch, if this replica leads in it now. */
  termOf: (epoch: number) => Pick<Term, 'push' | 'changeList' | 'setPaused'> | null;
  /** Why these symbols may not be pushed as far as this replica knows, or null. Said if there is no leader to say it. */
  refusePush: (symbols: ReadonlySet<string>) => Refusal | null;
  /** Each resolves when this replica has read that far, or not in time. */
  reached: {
    list(version: number): Promise<void>;
    batch(gen: string, number: number): Promise<void>;
  };
  log: Log;
}

/** None of them rejects. They are refused with `no_leader` if no leader got the call, and as unconfirmed if it gave no answer. */
export interface LeaderCalls {
  push: (batch: PushBatch) => Promise<PushOutcome>;
  changeList: (request: ListRequest) => Promise<ListOutcome>;
  pauseFeed: (isPaused: boolean) => Promise<PauseOutcome>;
}

/** How long the leader may take to answer. */
const limitMs = 2_000;
const noLeader = { ok: false, refusal: refusal('no_leader') } as const;

/** Gives the calls of this replica, which may lead itself, and answers those of others. */
export function createLeaderCalls(options: LeaderCallsOptions): LeaderCalls {
  const { calls, known, termOf, refusePush, reached, log } = options;

  calls.answer('leader', (asked) => {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- both ends are replicas: this is what `ask` sent
    const { epoch, call } = asked as { epoch: number; call: LeaderCall };
    const term = termOf(epoch);
    if (term === null) return noLeader;
    if (call.call === 'push') return term.push(call.batch);
    return call.call === 'pause' ? term.setPaused(call.isPaused) : term.changeList(call.request);
  });

  /** `unconfirmed` if it may have been done. */
  async function ask<Call extends LeaderCall>(
    call: Call,
    unconfirmed: Parameters<typeof refusal>[0],
  ): Promise<Outcomes[Call['call']] | { ok: false; refusal: Refusal }> {
    const leader = known();
    if (leader === null) return noLeader;
    try {
      const answer = await calls.call(leader.node, 'leader', { epoch: leader.epoch, call }, limitMs);
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- both ends are replicas: this is the answer above
      return answer as Outcomes[Call['call']];
    } catch (error) {
      log.debug({ err: error, call: call.call }, 'a call did not reach the leader');
      return error instanceof NobodyThere ? noLeader : { ok: false, refusal: refusal(unconfirmed) };
    }
  }

  return {
    push: async (batch) => {
      const outcome = await ask({ call: 'push', batch }, 'push_unconfirmed');
      // Not asked before the leader: this replica may not know yet of a symbol that was just added.
      if (!outcome.ok && outcome.refusal.name === 'no_leader') {
        const refused = refusePush(new Set(batch.ticks.map(({ symbol }) => symbol)));
        return refused === null ? outcome : { ok: false, refusal: refused };
      }
      // Whoever reads at the same replica next finds what was pushed.
      const [first] = outcome.ok && !outcome.replayed ? outcome.ticks : [];
      if (outcome.ok && first !== undefined) await reached.batch(first.gen, outcome.number);
      return outcome;
    },
    changeList: async (request) => {
      const outcome = await ask({ call: 'change list', request }, 'list_unconfirmed');
      // Whoever asks the same replica next finds what was changed.
      if (outcome.ok) await reached.list(outcome.version);
      return outcome;
    },
    pauseFeed: (isPaused) => ask({ call: 'pause', isPaused }, 'pause_unconfirmed'),
  };
}
