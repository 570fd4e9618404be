/** What users' calls need of the other replicas. Types alone. */
import type { AskOptions, OthersAnswers } from '../backplane/contract.ts';

/** The way to the other replicas, whichever backplane they share. */
export interface Others {
  /** False while this replica has no link to them. */
  isReachable(): boolean;
  /**
   * Asks every other replica that is not known to be dead, and waits until all have answered, one was enough, or the time is over.
   * What is asked is on its way when this returns.
   */
  ask(question: string, options: AskOptions): Promise<OthersAnswers>;
}

/** How long another replica may take to answer before it is named as silent, in milliseconds. */
export const answerLimitMs = 500;
