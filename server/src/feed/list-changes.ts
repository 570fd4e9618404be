/**
 * What changes while running make of the start list of the settings, and whether one more may be made. Pure: every leader
 * comes to the same answer from the same settings.
 */
import { limits, refusal, type Refusal } from '../../protocol/index.ts';
import type { SymbolChanges } from '../log/contract.ts';
import type { Assignment } from './assignment.ts';

/** A symbol that is to be listed, with the source named or not, or to be retired. It was parsed. */
export type ListRequest = { act: 'add'; symbol: string; feed?: string } | { act: 'retire'; symbol: string };

/** What a change comes to, or why it cannot be made. */
export type PlannedChange =
  /** `changes` are those after it, or null where nothing is to be done; `feed` is the source of a symbol that is listed then. */
  { ok: true; feed: string | null; changes: SymbolChanges | null } | { ok: false; refusal: Refusal };

/** Those of a list that is as the settings say. */
export const noChanges: SymbolChanges = { version: 0, feeds: [] };

/** Retired symbols of no start list that are remembered as such; the one that was retired first is forgotten first. */
const maxRetired = 1_000;

/** The assignment that lists these symbols of each source. */
export function assignmentOf(startList: Readonly<Record<string, readonly string[]>>): Assignment {
  const all = Object.entries(startList);
  return {
    symbols: all.flatMap(([, symbols]) => symbols),
    bySource: new Map(all),
    sourceOf: new Map(all.flatMap(([name, symbols]) => symbols.map((symbol) => [symbol, name] as const))),
  };
}

/** The list after the changes. A source that is not among the start list's gets nothing. */
export function changedAssignment(start: Assignment, { feeds }: SymbolChanges): Assignment {
  const sourceOf = new Map(start.sourceOf);
  const isSource = (name: string): boolean => start.bySource.has(name);
  for (const [symbol, feed] of feeds) {
    if (feed === null) sourceOf.delete(symbol);
    else if (isSource(feed)) sourceOf.set(symbol, feed);
  }
  const bySource = new Map<string, string[]>([...start.bySource.keys()].map((name) => [name, []]));
  for (const [symbol, name] of sourceOf) bySource.get(name)?.push(symbol);
  return { symbols: [...bySource.values()].flat(), bySource, sourceOf };
}

/** The changes with this one after those that were made. */
export function planChange(start: Assignment, made: SymbolChanges, request: ListRequest): PlannedChange {
  return request.act === 'add' ? planAdd(start, made, request) : planRetire(start, made, request.symbol);
}

function planAdd(
  start: Assignment,
  made: SymbolChanges,
  { symbol, feed: asked }: { symbol: string; feed?: string },
): PlannedChange {
  const { bySource } = start;
  const now = changedAssignment(start, made);
  const before = now.sourceOf.get(symbol);
  const usual = start.sourceOf.get(symbol) ?? (bySource.has('push') ? 'push' : [...bySource.keys()][0]);
  const feed = asked ?? before ?? usual;
  if (feed === undefined || ![...bySource.keys()].some((name) => name === feed))
    return refuse('unknown_feed', `the sources here are ${[...bySource.keys()].join(' and ')}`);
  if (before === feed) return { ok: true, feed, changes: null };
  if (before !== undefined) return refuse('symbol_of_other_source', `${symbol} is listed with ${before}`);
  if (now.symbols.length >= limits.maxSymbols)
    return refuse(
      'symbol_list_full',
      `${limits.maxSymbols} symbols are listed, which is the most there may be`,
    );
  const isAsAtStart = start.sourceOf.get(symbol) === feed;
  return { ok: true, feed, changes: changed(made, symbol, isAsAtStart ? [] : [[symbol, feed]]) };
}

function planRetire(start: Assignment, made: SymbolChanges, symbol: string): PlannedChange {
  if (made.feeds.some(([name, feed]) => name === symbol && feed === null))
    return { ok: true, feed: null, changes: null };
  if (!changedAssignment(start, made).sourceOf.has(symbol))
    return refuse('unknown_symbol', `${symbol} is not listed here`);
  const changes = changed(made, symbol, [[symbol, null]]);
  const forgettable = changes.feeds.filter(([name, feed]) => feed === null && !start.sourceOf.has(name));
  const forgotten = new Set(forgettable.slice(0, -maxRetired).map(([name]) => name));
  return {
    ok: true,
    feed: null,
    changes: { ...changes, feeds: changes.feeds.filter(([name]) => !forgotten.has(name)) },
  };
}

function changed(
  { version, feeds }: SymbolChanges,
  symbol: string,
  entry: SymbolChanges['feeds'],
): SymbolChanges {
  return { version: version + 1, feeds: [...feeds.filter(([name]) => name !== symbol), ...entry] };
}

function refuse(...why: Parameters<typeof refusal>): PlannedChange {
  return { ok: false, refusal: refusal(...why) };
}
