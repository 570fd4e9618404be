/** Whether the feed is paused, as this replica knows it from the log. Keeps SPEC.md [FP3]. */
import type { PauseState } from '../log/batch.ts';
import { noNotes } from '../log/contract.ts';

/** The pause on one replica. */
export interface FeedPause {
  /** Takes the pause as the store has it. A newer one that this replica knows stays: the store has lost it. */
  begin(stored: PauseState): void;
  /** Takes a change from the log. */
  change(next: PauseState): void;
  /** What a leader needs; `isLost` if the store has an older one. */
  readonly keeper: { known(): { pause: PauseState; isLost: boolean } };
}

/** Not paused until the log says otherwise. */
export function createFeedPause(): FeedPause {
  let known = noNotes.pause;
  let isLost = false;
  return {
    begin: (stored) => {
      isLost = stored.version < known.version;
      if (!isLost) known = stored;
    },
    change: ({ version, isPaused }) => {
      known = { version, isPaused };
      isLost = false;
    },
    keeper: { known: () => ({ pause: known, isLost }) },
  };
}
