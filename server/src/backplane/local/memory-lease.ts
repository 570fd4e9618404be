/**
 * The lease record in the memory of the primary. Every method is one synchronous compare-and-set, so that two workers can never both
 * win. Knows no clock: a lease ends when it is released or taken, never by itself.
 */
import type { LeaseRecord } from '../contract.ts';

/** The contract's `Lease` for all workers, answered at once. To tell them of a release is for its owner. */
export type MemoryLease = ReturnType<typeof createMemoryLease>;

/** A lease that nobody has held yet. */
export function createMemoryLease() {
  let record: Readonly<LeaseRecord> = { holder: null, epoch: 0, beat: 0 };

  const isHeldBy = (node: string, epoch: number): boolean => record.holder === node && record.epoch === epoch;

  return {
    read: (): LeaseRecord => record,
    /** Gives the new record, with the next epoch; null if the record is no longer exactly `seen`. */
    take: (node: string, seen: LeaseRecord): LeaseRecord | null => {
      const isUnchanged =
        seen.holder === record.holder && seen.epoch === record.epoch && seen.beat === record.beat;
      if (!isUnchanged) return null;
      record = { holder: node, epoch: record.epoch + 1, beat: record.beat + 1 };
      return record;
    },
    /** Renews; false if the node does not hold the lease in that epoch. */
    beat: (node: string, epoch: number): boolean => {
      if (!isHeldBy(node, epoch)) return false;
      record = { ...record, beat: record.beat + 1 };
      return true;
    },
    /** Clears the holder; false if the node did not hold the lease in that epoch. */
    release: (node: string, epoch: number): boolean => {
      if (!isHeldBy(node, epoch)) return false;
      record = { ...record, holder: null };
      return true;
    },
  };
}
