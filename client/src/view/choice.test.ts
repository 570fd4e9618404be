import { describe, expect, it } from 'vitest';
import {
  choiceOfHash,
  choiceOfText,
  hashOfChoice,
  listWithRetired,
  maxUnchosenRows,
  rowsOfChoice,
  textOfChoice,
} from './choice.ts';

describe('the choice of symbols', () => {
  it.each([
    ['#BTC-USD,aapl, AAPL', ['BTC-USD', 'AAPL']],
    ['#BTC%2FUSD', ['BTC/USD']],
    ['', null],
    ['#', null],
    ['#<script>,%', null],
  ])('reads %s', (hash, choice) => {
    expect(choiceOfHash(hash)).toEqual(choice);
  });

  it.each([[['BTC-USD', 'AAPL']], [[]], [null]])('reads back what it wrote of %o', (choice) => {
    expect(choiceOfText(textOfChoice(choice))).toEqual(choice);
    expect(choiceOfHash(hashOfChoice(choice))).toEqual(choice?.length === 0 ? null : choice);
  });

  it('keeps the order of the list, and puts what is not listed last', () => {
    expect(rowsOfChoice(['Z', 'C', 'A'], ['A', 'B', 'C'])).toEqual(['A', 'C', 'Z']);
  });

  it('keeps the place of what is listed no longer, and puts what is new last', () => {
    const before = listWithRetired([], ['A', 'B', 'C']);
    expect(before).toEqual(['A', 'B', 'C']);
    const after = listWithRetired(before, ['A', 'C', 'NEW']);
    expect(after).toEqual(['A', 'B', 'C', 'NEW']);
    expect(listWithRetired(after, ['A', 'C', 'NEW', 'B'])).toEqual(after);
  });

  it('shows the first of the list where nobody chose, and nothing where nothing was chosen', () => {
    const listed = Array.from({ length: maxUnchosenRows + 5 }, (_, i) => `S${i}`);
    expect(rowsOfChoice(null, listed)).toEqual(listed.slice(0, maxUnchosenRows));
    expect(rowsOfChoice([], listed)).toEqual([]);
  });
});
