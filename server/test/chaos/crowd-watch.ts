/** What the crowds and the store of a chaos run saw, gathered in one book while it goes on, and compared at its end. */
import { setTimeout as pass } from 'node:timers/promises';
import { limits } from '../../protocol/index.ts';
import type { Crowd } from '../support/clients/crowd.ts';
import type { ClientReport } from '../support/clients/crowd-messages.ts';
import type { PayloadBook } from '../support/checks/payload-book.ts';
import type { StoreView } from '../support/checks/store-view.ts';

export interface CrowdWatch {
  /** Asks every crowd now. */
  look(): Promise<ClientReport[]>;
  /** As of the last look. */
  clients(): readonly ClientReport[];
  conflicts(): string[];
  /** The longest that a timer came late in a crowd or here. */
  lagMs(): number;
  stop(): void;
}

const lookEveryMs = 2_000;
const settleMs = 2_000;
const longestPeriodMs = Math.max(...limits.offeredEveryMs);
/** A period's tick may take as long to arrive on a busy machine. */
const periodSlackMs = 500;

/** Looks at crowds and at the store's history every two seconds, so that no tick leaves the history unseen. */
export function watchCrowds(crowds: readonly Crowd[], store: StoreView, book: PayloadBook): CrowdWatch {
  let clients: ClientReport[] = [];
  let conflicts: string[] = [];
  let lagMs = 0;
  let dueAt = performance.now() + lookEveryMs;

  async function look(): Promise<ClientReport[]> {
    const reports = await Promise.all(crowds.map((crowd) => crowd.report()));
    clients = reports.flatMap((report) => report.clients);
    conflicts = reports.flatMap((report) => report.conflicts);
    for (const report of reports) {
      book.take(report.entries, 'a crowd');
      lagMs = Math.max(lagMs, report.lagMs);
    }
    return clients;
  }

  async function lookAtStore(): Promise<void> {
    for (const tick of await store.history()) book.saw(tick, 'the store');
  }

  const timer = setInterval(() => {
    lagMs = Math.max(lagMs, performance.now() - dueAt);
    dueAt = performance.now() + lookEveryMs;
    // A crowd that ended fails the run's own looks; Redis that is away is looked at again.
    look().catch(() => {});
    lookAtStore().catch(() => {});
  }, lookEveryMs);

  return {
    look,
    clients: () => clients,
    conflicts: () => conflicts,
    lagMs: () => lagMs,
    stop: () => clearInterval(timer),
  };
}

/** Every client has reached what the store held two seconds before, or a period of its rate. The book says that it is the same value. */
export async function finalFaults(store: StoreView, watch: CrowdWatch): Promise<string[]> {
  const heads = await store.heads();
  await pass(settleMs);
  const clients = (await watch.look()).filter(({ everyMs }) => everyMs < settleMs);
  await pass(longestPeriodMs - settleMs + periodSlackMs);
  clients.push(...(await watch.look()).filter(({ everyMs }) => everyMs >= settleMs));
  return clients.flatMap(({ name, heads: own }) =>
    Object.entries(own).flatMap(([symbol, seen]) => {
      const stored = heads.get(symbol);
      if (stored === undefined || (stored.gen === seen.gen && seen.seq >= stored.seq)) return [];
      return [
        `[I4] ${name} is at ${symbol} ${seen.gen}:${seen.seq}, the store at ${stored.gen}:${stored.seq}`,
      ];
    }),
  );
}

/** A few lines for people. */
export function summarise(
  clients: readonly ClientReport[],
  lagMs: number,
  refused: ReadonlyMap<number, number>,
  say: (line: string) => void,
): void {
  const sum = (of: (client: ClientReport) => number): number =>
    clients.reduce((total, client) => total + of(client), 0);
  say(
    `ticks delivered ${sum(({ counts }) => counts.ticks)}, merged ${sum(({ counts }) => counts.merged)}, ` +
      `connections ${sum(({ connections }) => connections)} of ${clients.length} clients`,
  );
  say(
    `symbols taken up ${sum(({ counts }) => counts.recovered)}, begun anew ${sum(({ counts }) => counts.unrecovered)}, ` +
      `gaps told ${sum(({ counts }) => counts.gaps)}, generations ${sum(({ counts }) => counts.generations)}`,
  );
  const statuses = [...refused].map(([status, count]) => `${count} x ${status === 0 ? 'no answer' : status}`);
  say(
    `pushes repeated after: ${statuses.join(', ') || 'nothing'}; longest lag of a driver ${Math.round(lagMs)} ms`,
  );
}
