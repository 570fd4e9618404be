/**
 * Whether what this replica shows is fresh: it goes by the leader's beats, and says stale when they stop or the connection to the
 * backplane is down, so that no old price looks new. Knows no sockets. Keeps SPEC.md [FR1] to [FR4].
 */
import type { FeedState } from '../../protocol/index.ts';
import type { Announcement, BackplaneState, FeedHealth } from '../backplane/contract.ts';
import type { Clock } from '../support/clock.ts';
import type { Log } from '../support/log.ts';

/** How long a leader may be silent, what is listed, and who is notified of changes. */
export interface FreshnessOptions {
  clock: Clock;
  log: Log;
  /** Milliseconds without a beat after which prices are stale. */
  silenceMs: number;
  /** The listed symbols of each source, now. */
  symbolsBySource: () => ReadonlyMap<string, readonly string[]>;
  /** Fires at each change of the state, its reason or a source's state; not if only the list of symbols changed. */
  onChange: (feed: FeedState) => void;
  /**
   * Fires again and again while no beat comes and the connection is up or was never down, with when that had lasted for
   * `silenceMs`, on the monotonic clock.
   */
  onSilence: (since: number) => void;
}

/** What this replica says of the feed. A connection that is up makes nothing live: only the next beat does. */
export interface Freshness {
  feed(): FeedState;
  /** Whether the symbol's price may be old: everything is stale, or its source is. */
  isStale(symbol: string): boolean;
  /** The list of symbols changed. */
  listChanged(): void;
  /** False for the beat of a leader of the past. */
  announced(announcement: Announcement): boolean;
  linkChanged(state: BackplaneState): void;
  close(): void;
}

/** How often silence is reported, in parts of `silenceMs`: several times between two looks at whether a leader lives. */
const reportedShare = 1 / 6;

/** Stale until the first beat. Counts the silence from now on, until `close`. */
export function createFreshness(options: FreshnessOptions): Freshness {
  const { clock, log, silenceMs, symbolsBySource, onChange, onSilence } = options;
  let health: FeedHealth = {
    state: 'stale',
    since: clock.now(),
    reason: 'no replica leads yet',
    sources: [...symbolsBySource().keys()].map((name) => ({ name, state: 'stale' })),
  };
  let feed = feedOf(health);
  let staleSymbols = staleSymbolsOf(feed);
  let term: { gen: string; epoch: number } | null = null;
  let cancelSilence: () => void = () => {};
  let hasBeenLive = false;

  function feedOf({ sources, ...rest }: FeedHealth): FeedState {
    const bySource = symbolsBySource();
    return {
      ...rest,
      sources: sources.map(({ name, state }) => ({ name, state, symbols: [...(bySource.get(name) ?? [])] })),
    };
  }

  function become(next: FeedHealth): void {
    health = next;
    feed = feedOf(health);
    staleSymbols = staleSymbolsOf(feed);
  }

  function change(next: FeedHealth): void {
    const before = health;
    if (JSON.stringify(before) === JSON.stringify(next)) return;
    become(next);
    // The begin and the end of an outage are logged alike. The first leader after a start is no news.
    if (before.state !== next.state || before.reason !== next.reason)
      log[hasBeenLive ? 'warn' : 'info']({ state: next.state, reason: next.reason }, 'freshness changed');
    hasBeenLive ||= next.state === 'live';
    onChange(feed);
  }

  function goStale(reason: string): void {
    if (health.state === 'stale' && health.reason === reason) return;
    change({
      state: 'stale',
      since: health.state === 'stale' ? health.since : clock.now(),
      reason,
      sources: health.sources.map(({ name }) => ({ name, state: 'stale' })),
    });
  }

  function watchSilence(): void {
    cancelSilence();
    // Not `every`, whose first turn comes up to half a period early.
    cancelSilence = clock.after(silenceMs, () => {
      if (term !== null) goStale('no word from a leader');
      const since = clock.monotonic();
      cancelSilence = clock.every(silenceMs * reportedShare, () => onSilence(since));
    });
  }

  // From the start: a connection that never brought a beat is as silent as one that stopped.
  watchSilence();

  return {
    feed: () => feed,
    isStale: (symbol) => staleSymbols.has(symbol),
    listChanged: () => become(health),
    announced: ({ gen, epoch, feed: said }) => {
      // A leader that was frozen may still speak for its old term.
      if (term !== null && term.gen === gen && epoch < term.epoch) return false;
      term = { gen, epoch };
      watchSilence();
      const isSame = said.state === health.state && said.reason === health.reason;
      change({ ...said, since: isSame ? health.since : clock.now() });
      return true;
    },
    linkChanged: (state) => {
      if (state.at === 'up') {
        // Nothing could be heard until now. Counted from before, a connection that is just back would be rebuilt as deaf.
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
