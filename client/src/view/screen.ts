/**
 * Joins stream, board and choice, and gives the page signals to draw from: one for each row, so that a tick redraws one
 * row. Everything that came since the last frame is drawn with the next.
 */
import { batch, computed, effect, signal, type ReadonlySignal, type Signal } from '@preact/signals';
import type { FeedState, NodeStatistics } from '../../../server/protocol/index.ts';
import { createBoard, type Freshness, type Row } from '../store/index.ts';
import { createStream, type ConnectionState, type Counters } from '../stream/index.ts';
import { listWithRetired, rowsOfChoice, type Choice } from './choice.ts';
import { createFrame } from './frame.ts';
import { signInRefusal, signInRequest, type SignInRequest } from './sign-in.ts';
import type { TabCid } from './tab-cid.ts';
import type { TabToken } from './tab-token.ts';

/** A row as it is drawn. */
export interface Line {
  row: Row;
  freshness: Freshness;
}

/** What the components of the page share: signals to draw from, and what a visitor can do. */
export interface Screen {
  connection: ReadonlySignal<ConnectionState>;
  node: ReadonlySignal<string | null>;
  feed: ReadonlySignal<FeedState | null>;
  /** Who signed in with a token, while the connection lives. */
  user: ReadonlySignal<string | null>;
  /** Set from a refusal for want of a token until a connection is live. */
  signIn: ReadonlySignal<SignInRequest | null>;
  /** Every replica, as it was last told of. */
  nodes: ReadonlySignal<readonly NodeStatistics[]>;
  /** Everything that the feed lists, each symbol once. */
  listed: ReadonlySignal<readonly string[]>;
  /** The symbols of the rows, in order. */
  rows: ReadonlySignal<readonly string[]>;
  /** What was chosen; set it to choose. */
  choice: Signal<Choice>;
  /** Epoch milliseconds, once a second. */
  now: ReadonlySignal<number>;
  /** Counts since the page was opened, once a second. */
  counters: ReadonlySignal<Counters>;
  line(symbol: string): ReadonlySignal<Line | null>;
  /** The age of the symbol's quote in milliseconds, now; null without a quote. */
  age(symbol: string): number | null;
  retryNow(): void;
  /** Signs in with this token. */
  showToken(token: string): void;
  /** Forgets the token, and all that was shown. */
  signOut(): void;
}

interface ScreenOptions {
  tabCid: TabCid;
  tabToken: TabToken;
  choice: Choice;
}

/** Connects at once and lives as long as the page. */
export function createScreen({ tabCid, tabToken, choice: firstChoice }: ScreenOptions): Screen {
  const changedRows = new Set<string>();
  const lines = new Map<string, Signal<Line | null>>();
  let isBoardChanged = false;
  /** What the newest connection was opened with. */
  let shownToken = '';
  const frame = createFrame(draw);

  const board = createBoard({
    now: () => Date.now(),
    onRow: (symbol) => {
      changedRows.add(symbol);
      frame.request();
    },
    onNodes: () => frame.request(),
    onBoard: () => {
      isBoardChanged = true;
      frame.request();
    },
  });

  const stream = createStream({
    cid: tabCid.first,
    onCid: (cid) => tabCid.replace(cid),
    token: () => (shownToken = tabToken.read()),
    onState: (state) => {
      board.onState(state);
      // Another token was pasted while this try was under way.
      if (signInRefusal(state) !== null && tabToken.read() !== shownToken)
        queueMicrotask(() => stream.retryNow());
    },
    onHello: (hello) => {
      user.value = shownToken === '' ? null : hello.user;
      board.onHello(hello);
    },
    onFeed: (state) => board.onFeed(state),
    onCluster: (statistics) => board.onCluster(statistics),
    onHeartbeat: (at) => board.onHeartbeat(at),
    onSnapshot: (quotes) => board.onSnapshot(quotes),
    onTick: (tick) => board.onTick(tick),
    onResults: (results) => board.onResults(results),
  });

  const connection = signal(board.connection());
  const node = signal(board.node());
  const feed = signal(board.feed());
  const user = signal<string | null>(null);
  const signIn = signal<SignInRequest | null>(null);
  const nodes = signal(board.nodes());
  const choice = signal(firstChoice);
  const now = signal(Date.now());
  const counters = signal({ ...stream.counters() });
  const listed = computed(() => [...new Set(feed.value?.sources.flatMap(({ symbols }) => symbols))]);
  let everListed: readonly string[] = [];
  const rows = computed(() => {
    everListed = listWithRetired(everListed, listed.value);
    return rowsOfChoice(choice.value, everListed);
  });

  function lineOf(symbol: string): Line | null {
    const row = board.row(symbol);
    return row === undefined ? null : { row, freshness: board.freshness(row) };
  }

  function draw(): void {
    batch(() => {
      for (const symbol of isBoardChanged ? board.symbols() : changedRows) {
        const line = lines.get(symbol);
        if (line !== undefined) line.value = lineOf(symbol);
      }
      changedRows.clear();
      nodes.value = board.nodes();
      if (!isBoardChanged) return;
      isBoardChanged = false;
      connection.value = board.connection();
      const refusal = signInRefusal(connection.value);
      if (refusal !== null) signIn.value = signInRequest(refusal);
      if (connection.value.at === 'live') signIn.value = null;
      node.value = board.node();
      feed.value = board.feed();
    });
  }

  effect(() => {
    const wanted = new Set(rows.value);
    stream.unsubscribe(stream.symbols().filter((symbol) => !wanted.has(symbol)));
    for (const symbol of lines.keys()) if (!wanted.has(symbol)) lines.delete(symbol);
    board.choose(rows.value);
    stream.subscribe(rows.value);
  });

  setInterval(() => {
    batch(() => {
      now.value = Date.now();
      counters.value = { ...stream.counters() };
    });
  }, 1_000);

  return {
    connection,
    node,
    feed,
    user,
    signIn,
    nodes,
    listed,
    rows,
    choice,
    now,
    counters,
    line: (symbol) => {
      const line = lines.get(symbol) ?? signal(lineOf(symbol));
      lines.set(symbol, line);
      return line;
    },
    age: (symbol) => {
      const quote = board.row(symbol)?.quote ?? null;
      return quote === null ? null : board.age(quote);
    },
    retryNow: () => stream.retryNow(),
    showToken: (token) => {
      tabToken.write(token);
      stream.retryNow();
    },
    signOut: () => {
      tabToken.write('');
      location.reload();
    },
  };
}
