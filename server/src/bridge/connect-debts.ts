/**
 * The `connect`s that a backend must be told again, when it has taken every session of this replica for gone: of a few sessions
 * at once, so that clients' own events find a place between them, and of each until it is told or the session is over. Knows
 * neither the sessions nor the backend. Keeps SPEC.md [BR9].
 */
import { backoffMs } from '../support/backoff.ts';
import type { Clock } from '../support/clock.ts';

/** One that owes a `connect`. */
export interface Debtor {
  /** Resolves with whether nothing is owed any more: it was told, or the session is over. Never rejects. */
  tellConnect(): Promise<boolean>;
}

interface ConnectDebtsOptions {
  /** How many are being told at most. */
  maxAtOnce: number;
  clock: Pick<Clock, 'after'>;
  /** Gives a number in [0, 1). */
  random: () => number;
}

/** Debts until `close`. */
export interface ConnectDebts {
  /** Each of them owes it, be it that an earlier one is on its way. */
  owe(debtors: Iterable<Debtor>): void;
  /** What is owed is told no more. */
  close(): void;
}

/** After one that was not told; grows while none is. */
const pause = { baseMs: 500, maxMs: 10_000 };

/** Nobody owes anything at first. */
export function createConnectDebts({ maxAtOnce, clock, random }: ConnectDebtsOptions): ConnectDebts {
  const owing = new Set<Debtor>();
  let underway = 0;
  let failures = 0;
  let isClosed = false;
  /** Ends the pause; null where there is none. */
  let cancelPause: (() => void) | null = null;

  async function settle(debtor: Debtor): Promise<void> {
    underway++;
    const isSettled = await debtor.tellConnect();
    underway--;
    if (isSettled) failures = 0;
    else {
      owing.add(debtor);
      if (!isClosed)
        cancelPause ??= clock.after(backoffMs(failures++, { ...pause, random }), () => {
          cancelPause = null;
          next();
        });
    }
    next();
  }

  function next(): void {
    for (const debtor of owing) {
      if (isClosed || cancelPause !== null || underway >= maxAtOnce) return;
      owing.delete(debtor);
      void settle(debtor);
    }
  }

  return {
    owe: (debtors) => {
      for (const debtor of debtors) owing.add(debtor);
      next();
    },
    close: () => {
      isClosed = true;
      cancelPause?.();
      owing.clear();
    },
  };
}
