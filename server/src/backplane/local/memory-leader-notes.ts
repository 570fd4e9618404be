/** The leaders' notes in the memory of the primary: they end with it. Knows nothing of what they say. */
import type { MemoryLease } from './memory-lease.ts';

/** The contract's `LeaderNotes`, answered at once. */
export interface MemoryLeaderNotes {
  read(name: string): string | null;
  write(epoch: number, name: string, text: string): boolean;
}

/** No notes yet; who may write them is the lease's word. */
export function createMemoryLeaderNotes(lease: Pick<MemoryLease, 'read'>): MemoryLeaderNotes {
  const texts = new Map<string, string>();
  return {
    read: (name) => texts.get(name) ?? null,
    write(epoch, name, text) {
      if (lease.read().epoch !== epoch) return false;
      texts.set(name, text);
      return true;
    },
  };
}
