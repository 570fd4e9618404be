/**
 * The list of symbols as this replica knows it: what the settings say, until it has read how it was changed, and from then on
 * what the leader says. For a leader it keeps the changes where those after it find them. Keeps SPEC.md [LS1] to [LS7].
 */
import { z } from 'zod';
import { type FeedState, type Refusal, type SymbolsChange } from '../../protocol/index.ts';
import type { Announcement, LeaderNotes, SymbolChanges } from '../backplane/contract.ts';
import { backoffMs } from '../support/backoff.ts';
import type { Clock } from '../support/clock.ts';
import type { Log } from '../support/log.ts';
import { refusePush, type Assignment } from './assignment.ts';
import {
  changedAssignment,
  noChanges,
  planChange,
  type ListRequest,
  type PlannedChange,
} from './list-changes.ts';

/** What the list is made of. */
export interface SymbolListOptions {
  /** The start list of the settings. */
  assignment: Assignment;
  notes: LeaderNotes;
  clock: Clock;
  log: Log;
  /** Fires when the list was read before a leader was heard, with the symbols of each source. */
  onRead: (bySource: ReadonlyMap<string, readonly string[]>) => void;
  /** Fires at each change, when everything here goes by the new list. */
  onChange: (change: SymbolsChange) => void;
}

/** The list on one replica. */
export interface SymbolList {
  /** Begins to read how the list was changed before this replica came; again and again until it is known. */
  start(): void;
  /** Whether it was read, or a leader was heard. */
  isKnown(): boolean;
  /** Every symbol that is listed now, in the order of its source. */
  symbols: () => readonly string[];
  /** Those that were retired and are remembered as such. */
  retired: () => ReadonlySet<string>;
  /** Null where it is listed. */
  whyUnlisted: (symbol: string) => 'unknown_symbol' | 'retired' | null;
  /** Why these symbols may not be pushed, or null. */
  refusePush: (symbols: Iterable<string>) => Refusal | null;
  /** Takes the leader's word: its list is the list. */
  heard(announcement: Pick<Announcement, 'changes' | 'feed'>): void;
  /** Resolves when changes of that version, or later ones, were heard, or after a second. */
  reached: (version: number) => Promise<void>;
  /** What a leader needs; see `ListKeeper` there. */
  readonly keeper: {
    begin(epoch: number): Promise<SymbolChanges | null>;
    plan(made: SymbolChanges, request: ListRequest): PlannedChange;
    write(epoch: number, changes: SymbolChanges): Promise<boolean>;
    assign(changes: SymbolChanges): {
      bySource: ReadonlyMap<string, readonly string[]>;
      refusePush: (symbols: Iterable<string>) => Refusal | null;
    };
  };
  close(): void;
}

const noteName = 'symbols';
const reachedMs = 1_000;
const changesSchema = z.object({
  version: z.int().min(0),
  feeds: z.array(z.tuple([z.string(), z.string().nullable()])),
});

interface Known {
  changes: SymbolChanges;
  symbols: readonly string[];
  sourceOf: ReadonlyMap<string, string>;
  retired: ReadonlySet<string>;
}

/** Knows the settings' list alone until `start`; nothing is read before. */
export function createSymbolList(options: SymbolListOptions): SymbolList {
  const { assignment: start, notes, clock, log, onRead, onChange } = options;
  let known: Known = knownOf(start, noChanges);
  /** The feed that the last word came with: most words are the same one again. */
  let sources: FeedState['sources'] | null = null;
  let isKnown = false;
  let isClosed = false;
  let cancelRead: () => void = () => {};
  let waiting: { version: number; resolve: () => void }[] = [];

  function become(next: Known): void {
    const before = known;
    known = next;
    isKnown = true;
    waiting = waiting.filter(({ version, resolve }) => {
      if (version > next.changes.version) return true;
      resolve();
      return false;
    });
    const added = next.symbols.filter((symbol) => !before.sourceOf.has(symbol));
    const retired = before.symbols.filter((symbol) => !next.sourceOf.has(symbol));
    if (added.length === 0 && retired.length === 0) return;
    log.info({ added: added.slice(0, 10), retired: retired.slice(0, 10) }, 'the list of symbols changed');
    onChange({ added, retired });
  }

  async function readNote(): Promise<SymbolChanges> {
    const text = await notes.read(noteName);
    return text === null ? noChanges : changesSchema.parse(JSON.parse(text));
  }

  function write(epoch: number, changes: SymbolChanges): Promise<boolean> {
    return notes.write(epoch, noteName, JSON.stringify(changes));
  }

  async function read(attempt: number): Promise<void> {
    if (isKnown || isClosed) return;
    try {
      const changes = await readNote();
      if (isKnown || isClosed) return;
      const assignment = changedAssignment(start, changes);
      become(knownOf(assignment, changes));
      onRead(assignment.bySource);
    } catch (error) {
      log.debug({ err: error }, 'the list of symbols could not be read; trying again');
      const waitMs = backoffMs(attempt, { baseMs: 100, maxMs: 1_000 });
      if (!isClosed) cancelRead = clock.after(waitMs, () => void read(attempt + 1));
    }
  }

  return {
    start: () => {
      cancelRead();
      void read(0);
    },
    isKnown: () => isKnown,
    symbols: () => known.symbols,
    retired: () => known.retired,
    whyUnlisted: (symbol) =>
      known.sourceOf.has(symbol) ? null : known.retired.has(symbol) ? 'retired' : 'unknown_symbol',
    refusePush: (symbols) => refusePush(symbols, known),
    heard: ({ changes, feed }) => {
      if (isKnown && changes.version === known.changes.version && isSame(sources, feed.sources)) return;
      ({ sources } = feed);
      const sourceOf = new Map(
        feed.sources.flatMap(({ name, symbols }) => symbols.map((symbol) => [symbol, name] as const)),
      );
      become({ changes, symbols: [...sourceOf.keys()], sourceOf, retired: retiredOf(changes) });
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
      begin: async (epoch) => {
        const stored = await readNote();
        // The home lost what it was told, and this replica knows it still.
        if (known.changes.version <= stored.version) return stored;
        return (await write(epoch, known.changes)) ? known.changes : null;
      },
      plan: (made, request) => planChange(start, made, request),
      write,
      assign: (changes) => {
        const assignment = changedAssignment(start, changes);
        const assigned = knownOf(assignment, changes);
        return {
          bySource: assignment.bySource,
          refusePush: (symbols) => refusePush(symbols, assigned),
        };
      },
    },
    close: () => {
      isClosed = true;
      cancelRead();
      for (const { resolve } of waiting.splice(0)) resolve();
    },
  };
}

function knownOf({ symbols, sourceOf }: Assignment, changes: SymbolChanges): Known {
  return { changes, symbols, sourceOf, retired: retiredOf(changes) };
}

function retiredOf({ feeds }: SymbolChanges): Set<string> {
  return new Set(feeds.flatMap(([symbol, feed]) => (feed === null ? [symbol] : [])));
}

function isSame(a: FeedState['sources'] | null, b: FeedState['sources']): boolean {
  if (a === b) return true;
  return (
    a?.length === b.length &&
    a.every(({ name, symbols }, place) => {
      const other = b[place];
      if (other?.name !== name || other.symbols.length !== symbols.length) return false;
      return symbols.every((symbol, index) => symbol === other.symbols[index]);
    })
  );
}
