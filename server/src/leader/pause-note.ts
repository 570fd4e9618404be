/**
 * Where it is kept that the feed is paused: the leaders' notes, and what this replica heard of the leader, for a home that lost
 * its notes. Knows no source. Keeps SPEC.md [FP3].
 */
import type { Announcement, LeaderNotes } from '../backplane/contract.ts';
import { pausedReason } from './source-board.ts';

/** The pause as it is kept from leader to leader. */
export interface PauseNote {
  /** Takes the leader's word. */
  heard(announcement: Pick<Announcement, 'feed'>): void;
  /** Whether the feed is paused, as leaders before left it; null where the epoch is over. */
  begin(epoch: number): Promise<boolean | null>;
  /** Keeps it for those after this leader; false where the epoch is over. */
  write(epoch: number, isPaused: boolean): Promise<boolean>;
}

const noteName = 'feed';

/** Every promise rejects as the notes do. */
export function createPauseNote(notes: LeaderNotes): PauseNote {
  let isKnownPaused = false;

  const write = (epoch: number, isPaused: boolean): Promise<boolean> =>
    notes.write(epoch, noteName, isPaused ? 'paused' : 'running');

  return {
    heard: ({ feed }) => void (isKnownPaused = feed.reason === pausedReason),
    begin: async (epoch) => {
      const text = await notes.read(noteName);
      if (text !== null) return text === 'paused';
      if (!isKnownPaused) return false;
      return (await write(epoch, true)) ? true : null;
    },
    write,
  };
}
