/**
 * When each group of clients is written to. A quiet group is written to at once; one that was written to within the window waits for
 * its end. One timer for all groups. Under load the window widens by itself. Knows no sockets.
 */
import type { Clock } from '../support/clock.ts';

/** The least and the widest window in milliseconds; 0 for no window. */
export interface FlushWindow {
  /** `FLUSH_MS` */
  flushMs: number;
  /** `FLUSH_MAX_MS` */
  maxFlushMs: number;
}

/** What the wheel needs of a group. */
interface Timed {
  /** When it was last written to, on the monotonic clock. */
  readonly writtenAt: number;
  /** Which part of a set of clients it is. */
  readonly cohort: number;
}

/** Due groups, by time. */
export interface FlushWheel<G extends Timed> {
  /** True if the group may be written to now; else `onDue` fires with it at the end of its window. */
  mayWrite(group: G, now: number): boolean;
  /** How long writing took, in milliseconds: the window follows the load. */
  worked(ms: number, now: number): void;
  /** The window as it is now, in milliseconds. */
  windowMs(): number;
  close(): void;
}

/** Groups whose windows end within one slot are written to together, in milliseconds. */
const slotMs = 2;
/** The load is looked at once in this time, in milliseconds. */
const loadSpanMs = 200;
/** The share of the time that writing takes, above which the window widens and below which it narrows. */
const highLoad = 0.5;
const lowLoad = 0.25;
const step = 1.3;
/** Cohorts of one set of clients are spread over this many parts of a window. */
const phases = 4;

/** Has no timer while nothing is due. */
export function createFlushWheel<G extends Timed>(
  { flushMs, maxFlushMs }: FlushWindow,
  { clock, onDue }: { clock: Pick<Clock, 'monotonic' | 'after'>; onDue: (groups: readonly G[]) => void },
): FlushWheel<G> {
  const slots = new Map<number, G[]>();
  const scheduled = new Set<G>();
  /** Groups that were last written to after a calm. */
  const calm = new WeakSet<G>();
  let nextSlot = Infinity;
  let cancel: () => void = () => {};
  let windowMs = flushMs;
  let spanStart = clock.monotonic();
  let busyMs = 0;

  function arm(slot: number): void {
    if (slot >= nextSlot) return;
    nextSlot = slot;
    cancel();
    cancel = clock.after(Math.max(0, slot * slotMs - clock.monotonic()), fire);
  }

  function fire(): void {
    const current = Math.floor(clock.monotonic() / slotMs);
    nextSlot = Infinity;
    const due: G[] = [];
    let first = Infinity;
    for (const [slot, groups] of slots) {
      if (slot <= current) {
        slots.delete(slot);
        for (const group of groups) {
          scheduled.delete(group);
          due.push(group);
        }
      } else first = Math.min(first, slot);
    }
    if (first < Infinity) arm(first);
    onDue(due);
  }

  return {
    mayWrite: (group, now) => {
      const since = now - group.writtenAt;
      if (since >= windowMs) {
        calm.add(group);
        return true;
      }
      if (scheduled.has(group)) return false;
      // The first window after a calm is shorter for some cohorts, and from then on they are apart.
      const share = calm.delete(group) ? 1 - (group.cohort % phases) / phases / 2 : 1;
      const slot = Math.ceil((now + Math.max(0, windowMs * share - since)) / slotMs);
      const groups = slots.get(slot);
      if (groups === undefined) slots.set(slot, [group]);
      else groups.push(group);
      scheduled.add(group);
      arm(slot);
      return false;
    },
    worked: (ms, now) => {
      busyMs += ms;
      const span = now - spanStart;
      if (span < loadSpanMs) return;
      const load = busyMs / span;
      if (load > highLoad) windowMs = Math.min(maxFlushMs, windowMs * step);
      else if (load < lowLoad) windowMs = Math.max(flushMs, windowMs / step);
      spanStart = now;
      busyMs = 0;
    },
    windowMs: () => windowMs,
    close: () => {
      cancel();
      slots.clear();
      scheduled.clear();
    },
  };
}
