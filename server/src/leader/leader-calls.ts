/** What replicas ask the leader, over the leader line. Knows no answer. */
import { NoLeader, type LeaderLine } from '../backplane/contract.ts';
import type { Publisher, PushBatch } from './publisher.ts';
import type { ListRequest } from './term-list.ts';

/** One call, with what it is called with. */
export type LeaderCall =
  | { call: 'push'; batch: PushBatch }
  | { call: 'change list'; request: ListRequest }
  | { call: 'pause'; isPaused: boolean };

/** Asks whoever leads; rejects as the leader line does, with `NoLeader` where nobody is known to lead. */
export type AskLeader = (call: LeaderCall) => Promise<unknown>;

/** `epoch` is that of the leader that is known, or null. */
export function createAskLeader(leaderLine: Pick<LeaderLine, 'call'>, epoch: () => number | null): AskLeader {
  return async (call) => {
    const term = epoch();
    if (term === null) throw new NoLeader('nobody is known to lead');
    return leaderLine.call(term, call);
  };
}

/** Answers the calls that reach the leader of that epoch, until the function that it gives is called. */
export function serveLeaderCalls(
  leaderLine: Pick<LeaderLine, 'serve'>,
  epoch: number,
  publisher: Pick<Publisher, 'push' | 'changeList' | 'setPaused'>,
): () => void {
  return leaderLine.serve(epoch, (asked) => {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- both ends are replicas: this is what `createAskLeader` sent
    const call = asked as LeaderCall;
    if (call.call === 'push') return publisher.push(call.batch);
    return call.call === 'pause' ? publisher.setPaused(call.isPaused) : publisher.changeList(call.request);
  });
}
