/**
 * The list of symbols in one term: taken over from the leaders before, changed one change at a time, and told to everyone
 * once the last tick of what was retired is out. Knows neither what a source is made of nor where the list is kept.
 * Keeps SPEC.md [LS1], [LS3], [LS5].
 */
import { refusal, type Refusal } from '../../protocol/index.ts';
import type { SymbolChanges } from '../backplane/contract.ts';
import { assert } from '../support/assert.ts';
import { createTurns } from '../support/turns.ts';
import type { Unlisted } from './lane.ts';

/** A symbol that is to be listed, with the source named or not, or to be retired. */
export type ListRequest = { act: 'add'; symbol: string; feed?: string } | { act: 'retire'; symbol: string };

/** What came of a change; `isChange` is false where the list was so before. */
export type ListOutcome =
  /** `feed` is the source of a symbol that is listed now. `version` is that of the changes that say so. */
  { ok: true; isChange: boolean; feed: string | null; version: number } | { ok: false; refusal: Refusal };

/** What the publisher needs of the list of symbols; the feed stage provides it. */
export interface ListKeeper {
  /** Gives the changes that leaders before left, or what this replica knows where that is newer and now kept; null where the epoch is over. */
  begin(epoch: number): Promise<SymbolChanges | null>;
  /** The changes with this one after those that were made, or null where it changes nothing. */
  plan(
    made: SymbolChanges,
    request: ListRequest,
  ): { ok: true; feed: string | null; changes: SymbolChanges | null } | { ok: false; refusal: Refusal };
  /** Keeps the changes for those after this leader; false where the epoch is over. */
  write(epoch: number, changes: SymbolChanges): Promise<boolean>;
  /** What the changes come to. */
  assign(changes: SymbolChanges): AssignedList;
}

/** The symbols of each source, and which of them may be pushed. */
export interface AssignedList {
  readonly bySource: ReadonlyMap<string, readonly string[]>;
  refusePush(symbols: Iterable<string>): Refusal | null;
}

/** One term, and where its list is kept and goes to. */
export interface TermListOptions {
  epoch: number;
  keeper: ListKeeper;
  sources: readonly { readonly name: string; assign(symbols: readonly string[]): void }[];
  /** Asked right before each write. */
  mayAppend: (epoch: number) => boolean;
  /** Resolves when everything that was given before is appended and told; false where the term ended meanwhile. */
  settled: () => Promise<boolean>;
  /** Drops what the store need not keep of these any more; false where it may have kept some. Awaited before the next change; never rejects. */
  drop: (symbols: Unlisted) => Promise<boolean>;
  /** Fires after each change, when it is to be told. */
  onChange: () => void;
  /** Fires when the term cannot go on. */
  onFault: (reason: string, error?: unknown) => void;
}

/** The list of one term. */
export interface TermList {
  /** The changes that everyone may know: what was retired has had its last tick. */
  changes(): SymbolChanges;
  /** The symbols of that source after those changes. */
  symbolsOf(source: string): readonly string[];
  /** Takes the list over and gives each source its symbols. False, after `onFault`, when the term cannot begin. */
  begin(): Promise<boolean>;
  /** One after another; rejects for a fault of ours alone. */
  change(request: ListRequest): Promise<ListOutcome>;
  /** Why these symbols may not be pushed, or null; once it has begun. */
  refusePush(symbols: Iterable<string>): Refusal | null;
}

const noLeader: ListOutcome = { ok: false, refusal: refusal('no_leader') };
const unconfirmed: ListOutcome = { ok: false, refusal: refusal('list_unconfirmed') };

/** The list of a term that has not begun: nothing is listed by it, and no change is taken. */
export function createTermList(options: TermListOptions): TermList {
  const { epoch, keeper, sources, mayAppend, settled, drop, onChange, onFault } = options;
  let made: SymbolChanges = { version: 0, feeds: [] };
  let assigned: AssignedList | null = null;
  let told: { changes: SymbolChanges; list: AssignedList | null } = { changes: made, list: assigned };
  const takeTurn = createTurns();

  function become(changes: SymbolChanges): void {
    made = changes;
    assigned = keeper.assign(changes);
    for (const source of sources) source.assign(assigned.bySource.get(source.name) ?? []);
  }

  /** Gives why the changes were not kept, or may not have been; null where they were. */
  async function write(changes: SymbolChanges): Promise<ListOutcome | null> {
    try {
      if (await keeper.write(epoch, changes)) return null;
      onFault('a newer leader keeps the list of symbols');
      return noLeader;
    } catch (error) {
      // Kept or not: the next term reads which.
      onFault('the list of symbols could not be kept', error);
      return unconfirmed;
    }
  }

  async function change(request: ListRequest): Promise<ListOutcome> {
    if (assigned === null) return noLeader;
    const planned = keeper.plan(made, request);
    if (!planned.ok) return planned;
    const { feed, changes } = planned;
    if (changes === null) return { ok: true, isChange: false, feed, version: made.version };
    const remembered = new Set(retiredOf(changes));
    const forgotten = retiredOf(made).filter(
      (symbol) => symbol !== request.symbol && !remembered.has(symbol),
    );
    // While they are remembered: were this leader to end in between, nobody later would know what to drop.
    if (forgotten.length > 0 && !(await drop({ retired: [], forgotten }))) return unconfirmed;
    if (!mayAppend(epoch)) return noLeader;
    const failed = await write(changes);
    if (failed !== null) return failed;
    become(changes);
    // What was taken before goes out before, or a retired symbol's last tick would come too late. It is kept: the next term makes it.
    if (!(await settled())) return unconfirmed;
    told = { changes, list: assigned };
    onChange();
    if (request.act === 'retire') await drop({ retired: [request.symbol], forgotten: [] });
    return { ok: true, isChange: true, feed, version: changes.version };
  }

  return {
    changes: () => told.changes,
    symbolsOf: (source) => told.list?.bySource.get(source) ?? [],
    begin: async () => {
      try {
        const changes = await keeper.begin(epoch);
        if (changes === null) {
          onFault('a newer leader keeps the list of symbols');
          return false;
        }
        become(changes);
        told = { changes, list: assigned };
        // A leader before may have died before it did. Changes wait for it; ticks do not.
        void takeTurn(() => drop({ retired: retiredOf(changes), forgotten: [] }));
        return true;
      } catch (error) {
        onFault('the list of symbols could not be read', error);
        return false;
      }
    },
    change: (request) => takeTurn(() => change(request)),
    refusePush: (symbols) => {
      assert(assigned !== null, 'the list is taken over before pushes are taken');
      return assigned.refusePush(symbols);
    },
  };
}

/** Those that are remembered as retired. */
function retiredOf({ feeds }: SymbolChanges): string[] {
  return feeds.flatMap(([symbol, feed]) => (feed === null ? [symbol] : []));
}
