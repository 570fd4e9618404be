/** The leader's end of the leader line in a worker: finds who answers for an epoch, and turns what went wrong into data. */
import type { Log } from '../../support/log.ts';
import type { LeaderAnswer } from './ipc.ts';

type Answer = (request: unknown) => Promise<unknown>;

/** Who answers in this worker, by epoch. To serve an epoch again takes the place of who served it before. */
export interface LeaderCalls {
  /** Answers for that epoch from now on. The returned function ends it, and says whether it still stood. */
  serve(epoch: number, answer: Answer): () => boolean;
  /** Never rejects. */
  answer(epoch: number, request: unknown): Promise<LeaderAnswer>;
}

/** Serves no epoch yet. */
export function createLeaderCalls(log: Log): LeaderCalls {
  const answers = new Map<number, Answer>();

  return {
    serve(epoch, answer) {
      answers.set(epoch, answer);
      return () => answers.get(epoch) === answer && answers.delete(epoch);
    },
    async answer(epoch, request) {
      const answer = answers.get(epoch);
      if (answer === undefined) return { ok: false, reason: 'nobody' };
      try {
        return { ok: true, answer: await answer(request) };
      } catch (err) {
        log.error({ err, epoch }, 'a call to the leader failed');
        const { name, message } = err instanceof Error ? err : new Error(String(err));
        return { ok: false, reason: 'failed', name, message };
      }
    },
  };
}
