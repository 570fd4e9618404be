import { expect, it } from 'vitest';
import type { FeedState } from '../../../server/protocol/index.ts';
import { createFeed } from './feed.ts';

const first: FeedState = {
  state: 'live',
  since: 1,
  reason: '',
  sources: [
    { name: 'simulator', state: 'live', symbols: ['A', 'B'] },
    { name: 'push', state: 'live', symbols: ['C'] },
  ],
};
const statesOf = (feed: FeedState | null) =>
  feed?.sources.map(({ name, state, symbols }) => `${name} ${state} ${symbols.join()}`);

it('[FR1] keeps the symbols of the first event, and takes the states of later ones', () => {
  const feed = createFeed();
  feed.connected();
  expect(feed.take(first)).toEqual(first);
  const stale = feed.take({ state: 'stale', since: 2, reason: 'away', sources: [] });
  expect([stale.state, stale.reason, statesOf(stale)]).toEqual([
    'stale',
    'away',
    ['simulator stale A,B', 'push stale C'],
  ]);
  expect(statesOf(feed.take({ state: 'live', since: 3, reason: '', sources: [] }))).toEqual([
    'simulator live A,B',
    'push live C',
  ]);
  const part = { name: 'push', state: 'stale' as const, symbols: [] };
  expect(statesOf(feed.take({ state: 'live', since: 4, reason: '', sources: [part] }))).toEqual([
    'simulator live A,B',
    'push stale C',
  ]);
});

it('[LS2] goes along with changes of the list', () => {
  const feed = createFeed();
  expect(feed.listChanged({ added: ['X'], retired: [] })).toBeNull();
  feed.take(first);
  const change = { added: ['X', 'A'], retired: ['C'], feeds: { X: 'push', A: 'push' } };
  expect(statesOf(feed.listChanged(change))).toEqual(['simulator live B', 'push live X,A']);
});

it('begins again with the first event of a new connection', () => {
  const feed = createFeed();
  feed.take(first);
  feed.connected();
  const other = {
    ...first,
    state: 'stale' as const,
    sources: [{ name: 'other', state: 'stale' as const, symbols: ['Z'] }],
  };
  expect(feed.take(other)).toEqual(other);
});
