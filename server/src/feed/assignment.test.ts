import { describe, expect, it } from 'vitest';
import { assignSymbols, refusePush, type Assignment } from './assignment.ts';
import { catalogueSymbols } from './catalogue.ts';
import type { FeedEntry } from './feeds-setting.ts';

const simulator: FeedEntry = { name: 'simulator', symbols: null };
const push: FeedEntry = { name: 'push', symbols: null };

function assigned(feeds: FeedEntry[], symbols?: string[]): Assignment {
  const result = assignSymbols({ feeds, symbols });
  if (!result.ok) throw new Error(result.problems.join('; '));
  return result.assignment;
}

const sources = (assignment: Assignment): Record<string, readonly string[]> =>
  Object.fromEntries(assignment.bySource);

describe('assignSymbols', () => {
  it('without a list gives the simulator its catalogue and push a demo symbol', () => {
    const assignment = assigned([simulator, push]);
    expect(sources(assignment)).toEqual({ simulator: [...catalogueSymbols], push: ['DEMO'] });
    expect(assignment.symbols).toEqual([...catalogueSymbols, 'DEMO']);
    expect(assignment.sourceOf.get('BTC-USD')).toBe('simulator');
    expect(assignment.sourceOf.get('DEMO')).toBe('push');
  });

  it('gives the same where push is named first', () => {
    expect(sources(assigned([push, simulator]))).toEqual({
      push: ['DEMO'],
      simulator: [...catalogueSymbols],
    });
  });

  it('takes what push was given out of the catalogue', () => {
    const assignment = assigned([{ name: 'push', symbols: ['AAPL', 'ACME'] }, simulator]);
    expect(assignment.bySource.get('push')).toEqual(['AAPL', 'ACME']);
    expect(assignment.bySource.get('simulator')).toEqual(
      catalogueSymbols.filter((symbol) => symbol !== 'AAPL'),
    );
  });

  it('lists only what the sources were given where each has a list', () => {
    const assignment = assigned([
      { name: 'simulator', symbols: ['BTC-USD'] },
      { name: 'push', symbols: ['ACME'] },
    ]);
    expect(assignment.symbols).toEqual(['BTC-USD', 'ACME']);
  });

  it('gives the rest of SYMBOLS to the first source without a list', () => {
    expect(sources(assigned([simulator, push], ['BTC-USD', 'X1']))).toEqual({
      simulator: ['BTC-USD', 'X1'],
      push: [],
    });
    expect(sources(assigned([{ name: 'simulator', symbols: ['AAPL'] }, push], ['BTC-USD', 'AAPL']))).toEqual({
      simulator: ['AAPL'],
      push: ['BTC-USD'],
    });
  });

  it('lists a symbol that only a source names', () => {
    expect(assigned([simulator, { name: 'push', symbols: ['ACME'] }], ['BTC-USD']).symbols).toEqual([
      'BTC-USD',
      'ACME',
    ]);
  });

  it('reports symbols with two sources and symbols with none together', () => {
    const feeds: FeedEntry[] = [
      { name: 'simulator', symbols: ['BTC-USD', 'ACME'] },
      { name: 'push', symbols: ['ACME'] },
    ];
    expect(assignSymbols({ feeds, symbols: ['BTC-USD', 'X1', 'X2'] })).toEqual({
      ok: false,
      problems: ['ACME is given to both simulator and push', 'no source is given X1, X2'],
    });
  });

  it('names ten of many symbols without a source', () => {
    const symbols = Array.from({ length: 5000 }, (_, index) => `S${index}`);
    expect(assignSymbols({ feeds: [{ name: 'push', symbols: ['ACME'] }], symbols })).toEqual({
      ok: false,
      problems: ['no source is given S0, S1, S2, S3, S4, S5, S6, S7, S8, S9 and 4990 more'],
    });
  });
});

describe('refusePush', () => {
  const assignment = assigned([simulator, { name: 'push', symbols: ['ACME', 'DEMO'] }]);

  it("passes push's own symbols", () => {
    expect(refusePush(['ACME', 'DEMO', 'ACME'], assignment)).toBeNull();
  });

  it('names the symbols that nobody listed, before those of another source', () => {
    expect(refusePush(['ACME', 'BTC-USD', 'NOPE', 'NOPE'], assignment)).toMatchObject({
      name: 'unknown_symbol',
      message: 'not listed here: NOPE',
    });
  });

  it('names the symbols of another source', () => {
    expect(refusePush(['ACME', 'BTC-USD'], assignment)).toMatchObject({
      name: 'symbol_of_other_source',
      message: 'from another source: BTC-USD (simulator)',
    });
  });
});
