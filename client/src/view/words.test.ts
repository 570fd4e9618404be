import { describe, expect, it } from 'vitest';
import { refusal, type CodeName, type FeedState } from '../../../server/protocol/index.ts';
import { nodeWords, statusOf } from './words.ts';

const live = { at: 'live', node: 'replica-1', session: 's' } as const;

function staleFeed(...states: FeedState['state'][]): FeedState {
  const sources = states.map((state, i) => ({ name: `source-${i}`, state, symbols: [] }));
  return { state: 'stale', since: 0, reason: 'no leader', sources };
}

describe('the words for the state of the connection', () => {
  it('are short while all is well', () => {
    const well = { tone: 'good', words: 'Live', announcement: 'Live', detail: '' };
    expect(statusOf(live, null, 0)).toEqual(well);
  });

  it('say why what is shown is stale, and whether all of it is', () => {
    expect(statusOf(live, staleFeed('live', 'live'), 0).words).toBe('Stale: no leader');
    expect(statusOf(live, staleFeed('stale', 'stale'), 0).words).toBe('Stale: no leader');
    expect(statusOf(live, staleFeed('stale', 'live'), 0).words).toBe('Partly stale: no leader');
  });

  it('say an outage of ours to a visitor, and keep the reason for operators', () => {
    const feed = { ...staleFeed('stale'), reason: 'the backplane is away: read ECONNRESET' };
    expect(statusOf(live, feed, 0)).toMatchObject({
      words: 'Stale: no new prices reach us at the moment',
      detail: 'the backplane is away: read ECONNRESET',
    });
    expect(statusOf(live, staleFeed('stale'), 0).detail).toBe('');
  });

  it('count the seconds of a wait down for the eye and not for the ear', () => {
    const waiting = { at: 'waiting', tries: 2, retryAt: 10_000, because: 'silence' } as const;
    expect(statusOf(waiting, null, 8_100).words).toBe('Reconnecting in 2 s: the replica fell silent');
    expect(statusOf(waiting, null, 11_000).words).toContain('in 0 s');
    expect(statusOf(waiting, null, 8_100).announcement).toBe('Reconnecting');
  });

  it('say why a wait was asked for, and that a token is wanted', () => {
    const waiting = { at: 'waiting', tries: 1, retryAt: 2_000, because: 'refused' } as const;
    const said = (name: CodeName) => statusOf({ ...waiting, refusal: refusal(name) }, null, 0).words;
    expect(said('too_many_connections')).toMatch(/^Reconnecting in 2 s: this user has as many/);
    expect(said('token_expired')).toBe('Not signed in');
    const refused = { at: 'refused', refusal: refusal('token_required') } as const;
    expect(statusOf(refused, null, 0)).toMatchObject({ tone: 'bad', words: 'Not signed in' });
  });

  it('count tries, and say a refusal as it was given', () => {
    expect(statusOf({ at: 'connecting', tries: 1 }, null, 0).words).toBe('Connecting');
    expect(statusOf({ at: 'connecting', tries: 3 }, null, 0).words).toBe('Connecting, try 3');
    const elsewhere = { code: 4301, name: 'x', message: 'not from there', retry: 'never' } as const;
    expect(statusOf({ at: 'refused', refusal: elsewhere }, null, 0).words).toBe('Refused: not from there');
    expect(statusOf({ at: 'closed' }, null, 0).words).toBe('Closed');
  });
});

describe('the words for a replica', () => {
  const node = { node: 'r1', state: 'serving', leader: false, uptimeMs: 1 } as const;

  it('[CS4] count somebody without a name as a user for each connection', () => {
    expect(nodeWords({ ...node, connections: 1, users: 0, anonymous: 1 }).users).toBe('1 user');
    expect(nodeWords({ ...node, connections: 0, users: 0, anonymous: 0 }).users).toBe('0 users');
    const many = nodeWords({ ...node, connections: 1_500, users: 500, anonymous: 1_000 });
    const title = '500 by name, 1,000 without; 1,500 connections';
    expect(many).toEqual({ users: '1,500 users', more: '', title });
  });

  it('[CS4] tell the connections where users have several', () => {
    const words = nodeWords({ ...node, connections: 3, users: 1, anonymous: 1 });
    expect(words).toMatchObject({ users: '2 users', more: 'on 3 connections' });
  });
});
