/**
 * Whether the feed is paused in one term: taken over from the leaders before, kept for those after, and changed one change at a
 * time. Knows no source. Keeps SPEC.md [FP1] to [FP3].
 */
import { refusal, type Refusal } from '../../protocol/index.ts';
import { createTurns } from '../support/turns.ts';
import type { PauseNote } from './pause-note.ts';

/** What came of a pause or its end; `isChange` is false where it was so before. */
export type PauseOutcome = { ok: true; isChange: boolean } | { ok: false; refusal: Refusal };

/** One term, and where its pause is kept and goes to. */
export interface TermPauseOptions {
  epoch: number;
  note: Pick<PauseNote, 'begin' | 'write'>;
  /** Asked right before each write. */
  mayAppend: (epoch: number) => boolean;
  /** Fires after each change that was kept, before it is answered. */
  onChange: (isPaused: boolean) => Promise<void>;
  /** Fires when the term cannot go on. */
  onFault: (reason: string, error?: unknown) => void;
}

/** The pause of one term. */
export interface TermPause {
  isPaused(): boolean;
  /** Takes over how it was left. False, after `onFault`, when the term cannot begin. */
  begin(): Promise<boolean>;
  /** One after another; rejects for a fault of ours alone. */
  set(isPaused: boolean): Promise<PauseOutcome>;
}

const noLeader: PauseOutcome = { ok: false, refusal: refusal('no_leader') };

/** Not paused until `begin` knows better. */
export function createTermPause({ epoch, note, mayAppend, onChange, onFault }: TermPauseOptions): TermPause {
  let isPaused = false;
  const takeTurn = createTurns();

  async function set(wanted: boolean): Promise<PauseOutcome> {
    if (wanted === isPaused) return { ok: true, isChange: false };
    if (!mayAppend(epoch)) return noLeader;
    try {
      if (!(await note.write(epoch, wanted))) {
        onFault('a newer leader keeps whether the feed is paused');
        return noLeader;
      }
    } catch (error) {
      // Kept or not: the next term reads which.
      onFault('whether the feed is paused could not be kept', error);
      return { ok: false, refusal: refusal('pause_unconfirmed') };
    }
    isPaused = wanted;
    await onChange(wanted);
    return { ok: true, isChange: true };
  }

  return {
    isPaused: () => isPaused,
    begin: async () => {
      try {
        const left = await note.begin(epoch);
        if (left === null) onFault('a newer leader keeps whether the feed is paused');
        isPaused = left === true;
        return left !== null;
      } catch (error) {
        onFault('whether the feed is paused could not be read', error);
        return false;
      }
    },
    set: (wanted) => takeTurn(() => set(wanted)),
  };
}
