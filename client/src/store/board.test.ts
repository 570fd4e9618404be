import { describe, expect, it } from 'vitest';
import { refusal, type FeedState, type Quote, type Tick } from '../../../server/protocol/index.ts';
import { createBoard } from './board.ts';

const startAt = 1_700_000_000_000;

function quoteOf(symbol: string, more: Partial<Quote> = {}): Quote {
  const day = { open: '10', high: '11', low: '9', volume: '5', stale: false };
  return { ...day, symbol, price: '10.00', gen: 'g1', seq: 1, ts: startAt, ...more };
}

function tickOf(symbol: string, price: string, more: Partial<Tick> = {}): Tick {
  return { symbol, price, gen: 'g1', seq: 2, ts: startAt, ...more };
}

function feedOf(state: FeedState['state'], ...sources: FeedState['sources']): FeedState {
  return { state, since: startAt, reason: state === 'live' ? '' : 'why', sources };
}

const sourceOf = (state: FeedState['state'], ...symbols: string[]) => ({ name: 'x', state, symbols });

/** A board with A and B chosen, live; the clock is at `startAt` until `set`. */
function createBoardUnderTest() {
  let nowMs = startAt;
  const touched: string[] = [];
  let changes = 0;
  let nodeChanges = 0;
  const board = createBoard({
    now: () => nowMs,
    onRow: (symbol) => void touched.push(symbol),
    onNodes: () => void (nodeChanges += 1),
    onBoard: () => void (changes += 1),
  });
  board.choose(['A', 'B']);
  board.onState({ at: 'live', node: 'replica-1', session: 's' });
  board.onHello({ node: 'replica-1', session: 's', user: null, secret: '' });
  return {
    board,
    touched,
    /** The freshness of A and B. */
    freshness: () => ['A', 'B'].map((symbol) => board.freshness(rowOf(board, symbol))),
    served: (symbol: string, seq: number) =>
      board.onResults({ [symbol]: { ok: true, gen: 'g1', seq, everyMs: 0, recovered: false, replayed: 0 } }),
    changes: () => changes,
    nodeChanges: () => nodeChanges,
    set: (now: number) => void (nowMs = now),
  };
}

function rowOf(board: ReturnType<typeof createBoard>, symbol: string) {
  const row = board.row(symbol);
  if (row === undefined) throw new Error(`no row ${symbol}`);
  return row;
}

describe('the board', () => {
  it('begins with empty rows and keeps their order', () => {
    const { board } = createBoardUnderTest();
    expect(board.symbols()).toEqual(['A', 'B']);
    expect(rowOf(board, 'A')).toMatchObject({ quote: null, direction: 'same', previous: null });
    board.onSnapshot([quoteOf('B'), quoteOf('A')]);
    expect(board.symbols()).toEqual(['A', 'B']);
  });

  it('touches the row that a tick is about and no other', () => {
    const { board, touched } = createBoardUnderTest();
    board.onSnapshot([quoteOf('A'), quoteOf('B')]);
    const before = board.row('B');
    touched.length = 0;
    board.onTick(tickOf('A', '10.50'));
    board.onTick(tickOf('OTHER', '1'));
    expect(touched).toEqual(['A']);
    expect(board.row('B')).toBe(before);
  });

  it('[CS2] knows the replicas as they were last told, also while it has no connection', () => {
    const { board, changes, nodeChanges } = createBoardUnderTest();
    expect(board.nodes()).toEqual([]);
    const before = changes();
    const counts = { connections: 2, users: 1, anonymous: 1, uptimeMs: 5 };
    const nodes = [{ node: 'r1', state: 'serving', leader: true, ...counts } as const];
    board.onCluster({ at: startAt, nodes });
    expect([board.nodes(), nodeChanges(), changes()]).toEqual([nodes, 1, before]);
    board.onState({ at: 'connecting', tries: 1 });
    expect(board.nodes()).toEqual(nodes);
  });

  it('knows where each change led and from which price', () => {
    const { board } = createBoardUnderTest();
    board.onSnapshot([quoteOf('A')]);
    const seen = ['10.50', '9.99', '9.990', '10'].map((price) => {
      board.onTick(tickOf('A', price));
      const { direction, previous } = rowOf(board, 'A');
      return `${direction} from ${previous}`;
    });
    expect(seen).toEqual(['up from 10.00', 'down from 10.50', 'same from 10.50', 'up from 9.990']);
  });

  it("[Q1] follows the day's figures tick by tick", () => {
    const { board } = createBoardUnderTest();
    board.onSnapshot([quoteOf('A')]);
    board.onTick(tickOf('A', '12', { size: '2' }));
    expect(rowOf(board, 'A').quote).toMatchObject({ high: '12', low: '9', volume: '7', open: '10' });
  });

  it('keeps rows that stay chosen and forgets those that do not', () => {
    const { board } = createBoardUnderTest();
    board.onSnapshot([quoteOf('A'), quoteOf('B')]);
    const kept = board.row('B');
    board.choose(['C', 'B']);
    expect(board.row('B')).toBe(kept);
    board.choose(['A']);
    expect(rowOf(board, 'A').quote).toBeNull();
  });

  it('says what the server does not serve, until it does', () => {
    const { board, served } = createBoardUnderTest();
    board.onResults({ A: { ok: false, ...refusal('unknown_symbol', 'not listed here') } });
    expect(rowOf(board, 'A').problem?.message).toBe('not listed here');
    expect(board.freshness(rowOf(board, 'A'))).toBe('unlisted');
    served('A', 0);
    expect(board.freshness(rowOf(board, 'A'))).toBe('empty');
  });

  it('says that a symbol was retired, with its last price, until it is served again', () => {
    const { board, served } = createBoardUnderTest();
    board.onSnapshot([quoteOf('A')]);
    board.onResults({ A: { ok: false, ...refusal('retired') } });
    expect(board.freshness(rowOf(board, 'A'))).toBe('retired');
    expect(rowOf(board, 'A').quote).not.toBeNull();
    served('A', 1);
    expect(board.freshness(rowOf(board, 'A'))).not.toBe('retired');
  });

  it('does not call unlisted what was refused for now, with a price or without', () => {
    const { board, freshness, served } = createBoardUnderTest();
    board.onSnapshot([quoteOf('B')]);
    const away = { ok: false, ...refusal('store_unavailable') } as const;
    board.onResults({ A: away, B: away });
    expect(freshness()).toEqual(['pending', 'pending']);
    served('B', 1);
    board.onSnapshot([quoteOf('A')]);
    expect(freshness()).toEqual(['live', 'live']);
  });

  it('[FR1] calls stale what belongs to a stale source, and only that', () => {
    const { board, freshness } = createBoardUnderTest();
    board.onSnapshot([quoteOf('A'), quoteOf('B')]);
    const [stale, live] = [sourceOf('stale', 'A'), sourceOf('live', 'B')];
    board.onFeed(feedOf('stale', stale, live));
    expect(freshness()).toEqual(['stale', 'live']);
    board.onFeed(feedOf('stale', sourceOf('live', 'A', 'B')));
    expect(freshness()).toEqual(['stale', 'stale']);
    board.onFeed(feedOf('live', sourceOf('live', 'A', 'B')));
    expect(freshness()).toEqual(['live', 'live']);
  });

  it('[FR3] believes a quote that says it is stale while the feed was not told', () => {
    const { board } = createBoardUnderTest();
    board.onSnapshot([quoteOf('A', { stale: true })]);
    expect(board.freshness(rowOf(board, 'A'))).toBe('stale');
  });

  it('calls every price offline while nobody tells of changes', () => {
    const { board, changes } = createBoardUnderTest();
    board.onSnapshot([quoteOf('A')]);
    const before = changes();
    board.onState({ at: 'waiting', tries: 1, retryAt: startAt, because: 'lost' });
    expect(changes()).toBe(before + 1);
    expect(board.freshness(rowOf(board, 'A'))).toBe('offline');
    expect(board.node()).toBe('replica-1');
  });

  it("tells ages by the server's clock, however wrong this machine's is", () => {
    const { board, set } = createBoardUnderTest();
    expect(board.age(quoteOf('A', { ts: startAt - 400 }))).toBe(400);
    set(startAt + 60_000);
    board.onHeartbeat(startAt - 50);
    board.onHeartbeat(startAt - 5);
    expect(board.age(quoteOf('A', { ts: startAt - 400 }))).toBe(395);
  });

  it('learns from a tick out of the future that this machine is behind', () => {
    const { board, set } = createBoardUnderTest();
    set(startAt - 60_000);
    board.onTick(tickOf('A', '10'));
    expect(board.age(quoteOf('A', { ts: startAt - 400 }))).toBe(400);
  });
});
