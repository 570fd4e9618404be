/**
 * Whether what this replica shows is fresh: it believes the leader's announcements, and says stale when they stop or
 * the link is down, rather than letting an old price look new. Knows no sockets. Keeps SPEC.md [FR1] to [FR3].
 */
import type { FeedState } from '../../protocol/index.ts';
import type { Announcement, BackplaneState } from '../backplane/contract.ts';
import type { Clock } from '../support/clock.ts';
import type { Log } from '../support/log.ts';

/** How long a leader may be silent, what is listed before the first one spoke, and who is told of changes. */
export interface FreshnessOptions {
  clock: Clock;
  log: Log;
  /** Milliseconds without an announcement after which prices are stale. */
  silenceMs: number;
  /** Every symbol and the source that it comes from, to be shown before the first announcement. */
  sources: readonly { name: string; symbols: readonly string[] }[];
  /** Fires at each change of the state, its reason or its sources' states. */
  onChange: (feed: FeedState) => void;
  /**
   * Fires again and again while nothing is announced and the link is up or was never down, with when that had lasted for
   * `silenceMs`, on the monotonic clock.
   */
  onSilence: (since: number) => void;
}

/** What this replica says of the feed. A link that is up makes nothing live: only the next announcement does. */
export interface Freshness {
  feed(): FeedState;
  /** Whether the symbol's price may be old: everything is stale, or its source is. */
  isStale(symbol: string): boolean;
  /** Takes the symbols of each source, as long as no leader told them. */
  listed(bySource: ReadonlyMap<string, readonly string[]>): void;
  /** False for the word of a leader of the past. */
  announced(announcement: Announcement): boolean;
  linkChanged(state: BackplaneState): void;
  close(): void;
}

/** How often silence is told, in parts of `silenceMs`: several times between two looks at whether a leader lives. */
const toldAgainShare = 1 / 6;

/** Stale until the first announcement. Counts the silence from now on, until `close`. */
export function createFreshness({
  clock,
  log,
  silenceMs,
  sources,
  onChange,
  onSilence,
}: FreshnessOptions): Freshness {
  let feed: FeedState = {
    state: 'stale',
    since: clock.now(),
    reason: 'no replica leads yet',
    sources: sources.map(({ name, symbols }) => ({ name, state: 'stale', symbols: [...symbols] })),
  };
  let staleSymbols = staleSymbolsOf(feed);
  let term: { gens: string; epoch: number } | null = null;
  let cancelSilence: () => void = () => {};
  let hasBeenLive = false;

  function change(next: FeedState): void {
    const before = feed;
    // With each beat of a leader: the sources are the very same where their text is.
    if (
      next.sources === before.sources &&
      next.state === before.state &&
      next.reason === before.reason &&
      next.since === before.since
    )
      return;
    feed = next;
    staleSymbols = staleSymbolsOf(feed);
    if (JSON.stringify(before) === JSON.stringify(next)) return;
    // An outage and its end are told alike; the first leader of a start is no news.
    // Another list of symbols is told elsewhere.
    const isNews = before.state !== next.state || before.reason !== next.reason;
    if (isNews)
      log[hasBeenLive ? 'warn' : 'info']({ state: feed.state, reason: feed.reason }, 'freshness changed');
    hasBeenLive ||= feed.state === 'live';
    onChange(feed);
  }

  function goStale(reason: string): void {
    if (feed.state === 'stale' && feed.reason === reason) return;
    change({
      ...feed,
      state: 'stale',
      since: feed.state === 'stale' ? feed.since : clock.now(),
      reason,
      sources: feed.sources.map((source) => ({ ...source, state: 'stale' })),
    });
  }

  function watchSilence(): void {
    cancelSilence();
    // Not `every`, whose first turn comes up to half a period early.
    cancelSilence = clock.after(silenceMs, () => {
      if (term !== null) goStale('no word from a leader');
      const since = clock.monotonic();
      cancelSilence = clock.every(silenceMs * toldAgainShare, () => onSilence(since));
    });
  }

  // From the start: a link that never brought a word is as silent as one that stopped.
  watchSilence();

  return {
    feed: () => feed,
    isStale: (symbol) => staleSymbols.has(symbol),
    listed: (bySource) => {
      if (term !== null) return;
      const all = [...bySource];
      change({
        ...feed,
        sources: all.map(([name, symbols]) => ({ name, state: 'stale', symbols: [...symbols] })),
      });
    },
    announced: ({ gens, epoch, feed: said }) => {
      const life = gens.join();
      // A leader that was frozen may still speak for its old term.
      if (term !== null && term.gens === life && epoch < term.epoch) return false;
      term = { gens: life, epoch };
      watchSilence();
      const sameState = said.state === feed.state && said.reason === feed.reason;
      change({ ...said, since: sameState ? feed.since : clock.now() });
      return true;
    },
    linkChanged: (state) => {
      if (state.at === 'up') {
        // Nothing could be heard until now. Counted from before, a link that has just come back would be rebuilt as deaf.
        watchSilence();
        return;
      }
      cancelSilence();
      goStale(`the backplane is away: ${state.reason}`);
    },
    close: () => cancelSilence(),
  };
}

function staleSymbolsOf(feed: FeedState): Set<string> {
  return new Set(
    feed.sources
      .filter(({ state }) => feed.state === 'stale' || state === 'stale')
      .flatMap(({ symbols }) => symbols),
  );
}
