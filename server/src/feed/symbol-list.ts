/**
 * The list of symbols as this replica knows it: what the settings say, changed by what the log says. Knows no sockets. Keeps SPEC.md
 * [LS1] to [LS7].
 */
import type { Refusal, SymbolsChange } from '../../protocol/index.ts';
import type { ListChange } from '../log/batch.ts';
import { applyChange } from '../log/list-change.ts';
import { noNotes, type LogNotes, type SymbolChanges } from '../log/contract.ts';
import type { Clock } from '../support/clock.ts';
import type { Log } from '../support/log.ts';
import { refusePush, type Assignment } from './assignment.ts';
import {
  assignmentOf,
  changedAssignment,
  planChange,
  type ListRequest,
  type PlannedChange,
} from './list-changes.ts';

/** What the list is made of. */
export interface SymbolListOptions {
  /** The start list of the settings. */
  assignment: Assignment;
  clock: Clock;
  log: Log;
  /** Fires if symbols may have moved to other sources, and none was added or retired. */
  onMoved: () => void;
  /** Fires at each change, when everything here goes by the new list. */
  onChange: (change: SymbolsChange) => void;
}

/** The list on one replica. */
export interface SymbolList {
  /** Every listed symbol, in the order of its source. */
  symbols: () => readonly string[];
  bySource: () => ReadonlyMap<string, readonly string[]>;
  /** Those that were retired and are remembered as such. */
  retired: () => ReadonlySet<string>;
  /** Null if it is listed. */
  whyUnlisted: (symbol: string) => 'unknown_symbol' | 'retired' | null;
  /** Why these symbols may not be pushed, or null. */
  refusePush: (symbols: Iterable<string>) => Refusal | null;
  /** Takes the list as the store has it. Newer changes that this replica knows stay: the store has lost them. */
  begin(stored: Pick<LogNotes, 'startList' | 'list'>): void;
  /** Takes a change from the log. */
  change(change: ListChange): void;
  /** Takes the start list of a leader from the log. */
  changeStart(startList: StartList): void;
  /** Resolves when the list has that version or a later one, or after a second. */
  reached: (version: number) => Promise<void>;
  /** What a leader needs; see `ListKeeper` there. */
  readonly keeper: {
    known(): { changes: SymbolChanges; isLost: boolean; startList: StartList; isStartListNew: boolean };
    plan(made: SymbolChanges, request: ListRequest): PlannedChange;
    assign(changes: SymbolChanges): {
      bySource: ReadonlyMap<string, readonly string[]>;
      refusePush: (symbols: Iterable<string>) => Refusal | null;
    };
  };
  close(): void;
}

type StartList = NonNullable<LogNotes['startList']>;

const reachedMs = 1_000;

interface Known extends Assignment {
  changes: SymbolChanges;
  retired: ReadonlySet<string>;
}

/** Knows the settings' list only until `begin`. */
export function createSymbolList({
  assignment: own,
  clock,
  log,
  onMoved,
  onChange,
}: SymbolListOptions): SymbolList {
  const ownStartList = Object.fromEntries(own.bySource);
  /** Null until a leader has said what its settings are. */
  let startList: StartList | null = null;
  let start = own;
  let known = knownOf(own, noNotes.list);
  let isLost = false;
  let waiting: { version: number; resolve: () => void }[] = [];

  function become(changes: SymbolChanges): void {
    const before = known;
    known = knownOf(start, changes);
    waiting = waiting.filter(({ version, resolve }) => {
      if (version > changes.version) return true;
      resolve();
      return false;
    });
    const added = known.symbols.filter((symbol) => !before.sourceOf.has(symbol));
    const retired = before.symbols.filter((symbol) => !known.sourceOf.has(symbol));
    if (added.length === 0 && retired.length === 0) {
      onMoved();
      return;
    }
    log.info({ added: added.slice(0, 10), retired: retired.slice(0, 10) }, 'The list of symbols changed.');
    const feeds = Object.fromEntries(added.map((symbol) => [symbol, known.sourceOf.get(symbol) ?? '']));
    onChange(added.length === 0 ? { added, retired } : { added, retired, feeds });
  }

  function beginWith(list: StartList | null): void {
    startList = list;
    start = list === null ? own : assignmentOf(list);
  }

  return {
    symbols: () => known.symbols,
    bySource: () => known.bySource,
    retired: () => known.retired,
    whyUnlisted: (symbol) =>
      known.sourceOf.has(symbol) ? null : known.retired.has(symbol) ? 'retired' : 'unknown_symbol',
    refusePush: (symbols) => refusePush(symbols, known),
    begin: ({ startList: stored, list }) => {
      isLost = list.version < known.changes.version;
      beginWith(stored ?? startList);
      become(isLost ? known.changes : list);
    },
    changeStart: (list) => {
      beginWith(list);
      become(known.changes);
    },
    change: (change) => {
      isLost = false;
      become(applyChange(known.changes, change));
    },
    reached: (version) =>
      new Promise((resolve) => {
        if (known.changes.version >= version) {
          resolve();
          return;
        }
        const one = { version, resolve: () => (cancel(), resolve()) };
        const cancel = clock.after(reachedMs, () => {
          waiting = waiting.filter((other) => other !== one);
          resolve();
        });
        waiting.push(one);
      }),
    keeper: {
      known: () => ({
        changes: known.changes,
        isLost,
        startList: ownStartList,
        isStartListNew: JSON.stringify(startList) !== JSON.stringify(ownStartList),
      }),
      plan: (made, request) => planChange(own, made, request),
      assign: (changes) => {
        const assigned = knownOf(own, changes);
        return {
          bySource: assigned.bySource,
          refusePush: (symbols) => refusePush(symbols, assigned),
        };
      },
    },
    close: () => {
      for (const { resolve } of waiting.splice(0)) resolve();
    },
  };
}

function knownOf(start: Assignment, changes: SymbolChanges): Known {
  return { ...changedAssignment(start, changes), changes, retired: retiredOf(changes) };
}

function retiredOf({ feeds }: SymbolChanges): Set<string> {
  return new Set(feeds.flatMap(([symbol, feed]) => (feed === null ? [symbol] : [])));
}
