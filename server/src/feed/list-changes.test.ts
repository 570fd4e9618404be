import { describe, expect, it } from 'vitest';
import { limits } from '../../protocol/index.ts';
import type { SymbolChanges } from '../log/contract.ts';
import { assignSymbols, type Assignment } from './assignment.ts';
import { changedAssignment, noChanges, planChange, type ListRequest } from './list-changes.ts';

function assigned(...given: Parameters<typeof assignSymbols>): Assignment {
  const outcome = assignSymbols(...given);
  if (!outcome.ok) throw new Error(outcome.problems.join());
  return outcome.assignment;
}

const start = assigned({
  feeds: [
    { name: 'simulator', symbols: ['BTC-USD', 'AAPL'] },
    { name: 'push', symbols: ['ACME'] },
  ],
  symbols: undefined,
});

/** The changes after these requests, which all must be taken. */
function after(...requests: ListRequest[]): SymbolChanges {
  let made = noChanges;
  for (const request of requests) {
    const planned = planChange(start, made, request);
    if (!planned.ok) throw new Error(planned.refusal.message);
    made = planned.changes ?? made;
  }
  return made;
}

const add = (symbol: string, feed?: string): ListRequest => ({ act: 'add', symbol, ...(feed && { feed }) });
const retire = (symbol: string): ListRequest => ({ act: 'retire', symbol });
const bySource = (changes: SymbolChanges, from = start) =>
  Object.fromEntries(changedAssignment(from, changes).bySource);

describe('changes of the symbol list', () => {
  it('[LS1] begin with what the settings say, in its order', () => {
    expect(changedAssignment(start, noChanges)).toEqual(start);
  });

  it('[LS1] are made one by one: each has the next version, and is there once', () => {
    const made = after(add('NEW'), retire('AAPL'), retire('NEW'), add('NEW', 'simulator'));
    expect(made).toEqual({
      version: 4,
      feeds: [
        ['AAPL', null],
        ['NEW', 'simulator'],
      ],
    });
    expect(bySource(made)).toEqual({ simulator: ['BTC-USD', 'NEW'], push: ['ACME'] });
  });

  it('[LS7] give a symbol the source of the settings, else push, else the first', () => {
    expect(bySource(after(add('NEW')))['push']).toEqual(['ACME', 'NEW']);
    const settings = { simulator: ['BTC-USD', 'AAPL'], push: ['ACME'] };
    expect(bySource(after(retire('AAPL'), add('AAPL')))).toEqual(settings);
    const simulated = assigned({ feeds: [{ name: 'simulator', symbols: ['A'] }], symbols: undefined });
    expect(planChange(simulated, noChanges, add('NEW'))).toMatchObject({ ok: true, feed: 'simulator' });
  });

  it('are none where a symbol is as at the start again', () => {
    expect(after(retire('AAPL'), add('AAPL'))).toEqual({ version: 2, feeds: [] });
  });

  it('[LS7] are not made where there is nothing to do', () => {
    const made = after(add('NEW'), retire('AAPL'));
    for (const request of [add('NEW'), add('NEW', 'push'), retire('AAPL'), add('ACME')])
      expect(planChange(start, made, request)).toMatchObject({ ok: true, changes: null });
    expect(planChange(start, made, add('NEW'))).toMatchObject({ feed: 'push' });
  });

  it.each([
    [add('BTC-USD', 'push'), 'symbol_of_other_source'],
    [add('NEW', 'exchange'), 'unknown_feed'],
    [add('NEW', 'constructor'), 'unknown_feed'],
    [retire('NEVER'), 'unknown_symbol'],
  ])('[LS7] reject %j with %s', (request, name) => {
    expect(planChange(start, noChanges, request)).toMatchObject({ ok: false, refusal: { name } });
  });

  it('[LS7] are refused when as many symbols are listed as there may be, until one is retired', () => {
    const many = Array.from({ length: limits.maxSymbols }, (_, number) => `S${number}`);
    const full = assigned({ feeds: [{ name: 'push', symbols: many }], symbols: undefined });
    expect(planChange(full, noChanges, add('NEW'))).toMatchObject({
      ok: false,
      refusal: { name: 'symbol_list_full' },
    });
    const made: SymbolChanges = { version: 1, feeds: [['S0', null]] };
    expect(planChange(full, made, add('NEW'))).toMatchObject({ ok: true });
  });

  it('[LS3] forget the first of a thousand retired symbols that no settings list', () => {
    const feeds = Array.from({ length: 1_000 }, (_, number) => [`OLD${number}`, null] as const);
    const made: SymbolChanges = { version: 1_001, feeds: [['AAPL', null], ...feeds, ['NEW', 'push']] };
    const planned = planChange(start, made, retire('NEW'));
    const left = planned.ok ? (planned.changes?.feeds ?? []) : [];
    expect(left).toHaveLength(1_001);
    expect(left.slice(0, 2)).toEqual([
      ['AAPL', null],
      ['OLD1', null],
    ]);
    expect(left.at(-1)).toEqual(['NEW', null]);
  });

  it('[LS5] are applied to the settings of whoever leads: what it has no source for is not listed', () => {
    const made = after(add('NEW', 'push'), retire('AAPL'));
    const other = assigned({ feeds: [{ name: 'simulator', symbols: ['AAPL', 'KO'] }], symbols: undefined });
    expect(bySource(made, other)).toEqual({ simulator: ['KO'] });
  });
});
