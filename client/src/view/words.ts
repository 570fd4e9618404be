/** The state of connection and feed in words. Pure. */
import type { FeedState, NodeStatistics } from '../../../server/protocol/index.ts';
import type { ConnectionState, Ending } from '../stream/index.ts';
import { formatCount } from './format.ts';
import { signInRefusal } from './sign-in.ts';

/** `good`: what is shown is the present. `busy`: it soon may be again. `bad`: it is not. */
export type Tone = 'good' | 'busy' | 'bad';

/** What the top bar says of connection and feed. */
export interface Status {
  tone: Tone;
  words: string;
  /** What is told aloud: like `words`, but without a number that changes each second. */
  announcement: string;
  /** What operators call it; empty where `words` say it all. */
  detail: string;
}

const endings: Record<Ending, string> = {
  lost: 'the connection was lost',
  silence: 'the replica fell silent',
  shutdown: 'the replica is leaving',
  refused: 'the replica asked us to come back',
};

/** How reasons that speak of our own parts begin, and what a visitor reads instead. */
const outages: readonly [beginning: string, words: string][] = [
  ['the backplane is away', 'no new prices reach us at the moment'],
  ['no replica leads', 'waiting for the price feed'],
  ['no word from a leader', 'waiting for the price feed'],
];

function status(tone: Tone, words: string, announcement = words, detail = ''): Status {
  return { tone, words, announcement, detail };
}

/** `now` is epoch milliseconds, for the seconds that are left of a wait. */
export function statusOf(connection: ConnectionState, feed: FeedState | null, now: number): Status {
  if (connection.at === 'live') return feed?.state === 'stale' ? staleStatus(feed) : status('good', 'Live');
  if (connection.at === 'closed') return status('bad', 'Closed');
  if (signInRefusal(connection) !== null) return status('bad', 'Not signed in');
  if (connection.at === 'refused') return status('bad', `Refused: ${connection.refusal.message}`);
  if (connection.at === 'waiting') {
    const seconds = Math.max(0, Math.ceil((connection.retryAt - now) / 1_000));
    const why = connection.refusal?.message ?? endings[connection.because];
    return status('busy', `Reconnecting in ${seconds} s: ${why}`, 'Reconnecting');
  }
  if (connection.tries === 1) return status('busy', 'Connecting');
  return status('busy', `Connecting, try ${connection.tries}`, 'Reconnecting');
}

function staleStatus({ reason, sources }: FeedState): Status {
  const stale = sources.filter(({ state }) => state === 'stale').length;
  const isPart = stale > 0 && stale < sources.length;
  const outage = outages.find(([beginning]) => reason.startsWith(beginning))?.[1];
  const words = `${isPart ? 'Partly stale' : 'Stale'}: ${outage ?? reason}`;
  return status('bad', words, words, outage === undefined ? '' : reason);
}

function counted(count: number, word: string): string {
  return `${formatCount(count)} ${word}${count === 1 ? '' : 's'}`;
}

/** Who is on a replica: somebody without a name counts as a user for each connection. `more` is what that does not tell. */
export function nodeWords({ users, anonymous, connections }: NodeStatistics) {
  const all = users + anonymous;
  return {
    users: counted(all, 'user'),
    more: connections === all ? '' : `on ${counted(connections, 'connection')}`,
    title: `${formatCount(users)} by name, ${formatCount(anonymous)} without; ${counted(connections, 'connection')}`,
  };
}
