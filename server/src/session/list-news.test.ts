import { expect, it } from 'vitest';
import type { SymbolsChange } from '../../protocol/index.ts';
import { createListNews } from './list-news.ts';

it('[LS2] tells changes in their order, each when the last ticks of what it retires are out', async () => {
  const finished = new Map<string, () => void>();
  const told: SymbolsChange[] = [];
  const tell = createListNews({
    finish: (symbol) => new Promise((resolve) => void finished.set(symbol, resolve)),
    onTurn: (change) => void told.push(change),
  });
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  const changes: SymbolsChange[] = [
    { added: ['N'], retired: ['A', 'B'] },
    { added: ['A'], retired: [] },
    { added: [], retired: ['C'] },
  ];
  for (const change of changes) tell(change);
  finished.get('C')?.();
  finished.get('A')?.();
  await settle();
  expect(told).toEqual([]);
  finished.get('B')?.();
  await settle();
  expect(told).toEqual(changes);
});
