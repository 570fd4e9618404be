import { describe, expect, it } from 'vitest';
import type { ClusterStatus } from './status-call.mjs';
import { parseStatusArguments } from './status-arguments.mjs';
import { problemsOf } from './status-problems.mjs';
import { statusText } from './status-text.mjs';

const well: ClusterStatus = {
  url: 'http://localhost:8080/',
  told: 'all',
  nodes: [
    { node: 'r2', state: 'serving', connections: 40 },
    { node: 'replica-10', state: 'draining', connections: 1 },
  ],
  clients: 41,
  unanswered: 0,
  backplane: { kind: 'redis', state: 'up', reason: null },
  leader: { node: 'r2', epoch: 3 },
  feed: { state: 'live', reason: null },
  feeds: [
    { name: 'simulator', state: 'live', symbols: 24, tickAgeMs: 240 },
    { name: 'push', state: 'live', symbols: 1, tickAgeMs: null },
  ],
};

describe('the arguments of npm run status', () => {
  const optionsOf = (args: string[], env: Record<string, string> = {}) => {
    const parsed = parseStatusArguments(args, env);
    if (!parsed.ok) throw new Error(parsed.why);
    return { ...parsed.options, url: parsed.options.url.href };
  };

  it('are an address, and a key that the environment has too', () => {
    expect(optionsOf([], { TICKWIRE_API_KEY: ' of-the-environment ' })).toEqual({
      url: 'http://localhost:8080/',
      key: 'of-the-environment',
      minNodes: 0,
      json: false,
      help: false,
    });
    const all = ['--url', 'https://prices.lan/live#x', '--key=shown', '--nodes', '3', '--json'];
    expect(optionsOf(all, { TICKWIRE_API_KEY: 'other' })).toMatchObject({
      url: 'https://prices.lan/live/',
      key: 'shown',
      minNodes: 3,
      json: true,
    });
  });

  it.each([
    [['--url', 'localhost:8080'], /^--url must be an address/],
    [['--url', 'ftp://localhost'], /^--url must be an address/],
    [['--url', 'http://ann:hush-hush@localhost'], /^--url must be an address/],
    [['--url', 'http://localhost/?api_key=hush-hush'], /^--url must be an address/],
    [['--key', 'hush-hush\nX: y'], /characters that no key may have/],
    [['--nodes', 'three'], /^--nodes must be a whole number/],
    [['--url'], /--url/],
    [['--loud'], /--loud/],
    [['http://localhost'], /http:\/\/localhost/],
  ])('%j are refused in words, and never with a key', (args, why) => {
    const parsed = parseStatusArguments(args, {});
    if (parsed.ok) throw new Error('they were taken');
    expect(parsed.why).toMatch(why);
    expect(parsed.why).not.toContain('hush');
  });
});

describe('the problems of a cluster', () => {
  it('are none while prices are live, somebody leads and serves, and one may leave', () => {
    expect(problemsOf(well, { minNodes: 0 })).toEqual([]);
    expect(problemsOf(well, { minNodes: 1 })).toEqual([]);
  });

  it.each<[string, Partial<ClusterStatus>, string[]]>([
    [
      'Redis away',
      {
        backplane: { kind: 'redis', state: 'down', reason: 'it does not answer' },
        leader: { node: null, epoch: 0 },
        feed: { state: 'stale', reason: 'the backplane is away' },
      },
      [
        'the backplane is away: it does not answer',
        'no replica leads',
        'prices are not live: the backplane is away',
      ],
    ],
    ['a leader that is gone', { leader: { node: 'r1', epoch: 3 } }, ['the leader r1 is gone']],
    [
      'all replicas leaving',
      { nodes: [{ node: 'r2', state: 'draining', connections: 1 }] },
      ['no replica serves: all of them are leaving'],
    ],
    [
      'a replica that hangs',
      { unanswered: 2 },
      ['a replica may hang: 2 requests got no answer, until asked again'],
    ],
    [
      'one source stale',
      { feeds: [{ name: 'push', state: 'stale', symbols: 1, tickAgeMs: 9_000 }] },
      ['the prices of push are not live'],
    ],
  ])('with %s', (_what, differing, problems) => {
    expect(problemsOf({ ...well, ...differing }, { minNodes: 0 })).toEqual(problems);
  });

  it('tell how many replicas serve of those that were wanted, where all are known', () => {
    expect(problemsOf(well, { minNodes: 3 })).toEqual(['1 of 3 replicas serve']);
    const onlyOne = (told: 'one' | 'alone') =>
      problemsOf({ ...well, told, nodes: well.nodes.slice(0, 1) }, { minNodes: 3 });
    const start = 'only the replica that answered is known, not 3:';
    expect(onlyOne('one')).toEqual([`${start} to be told of all takes an API key`]);
    expect(onlyOne('alone')).toEqual([`${start} it has no link to the others`]);
  });

  it('are none where the leader is another than the one replica that is known', () => {
    const elsewhere: ClusterStatus = { ...well, told: 'one', leader: { node: 'r9', epoch: 3 } };
    expect(problemsOf(elsewhere, { minNodes: 0 })).toEqual([]);
  });
});

describe('the tables', () => {
  it('are plain text with columns in line', () => {
    expect(statusText(well, [], { styled: false })).toBe(
      [
        'http://localhost:8080/ ok: 2 replicas, 41 clients, backplane redis up',
        '',
        'node        state     clients',
        'r2          serving   40       leader, epoch 3',
        'replica-10  draining  1',
        '',
        'feed       state  symbols  newest tick',
        'simulator  live   24       0.2 s',
        'push       live   1        -',
      ].join('\n'),
    );
  });

  it('say what is wrong, who leads elsewhere, and that one replica alone is known', () => {
    const status: ClusterStatus = {
      ...well,
      told: 'one',
      nodes: well.nodes.slice(0, 1),
      clients: 1,
      leader: { node: 'r9', epoch: 7 },
      feeds: [{ name: 'push', state: 'stale', symbols: 1, tickAgeMs: 7_200_000 }],
    };
    const text = statusText(status, ['the prices of push are not live'], { styled: false });
    expect(text.split('\n').slice(0, 3)).toEqual([
      'http://localhost:8080/ not ok: 1 replica, 1 client of the replica that answered, backplane redis up',
      'leader r9, epoch 7',
      '! the prices of push are not live',
    ]);
    expect(text).toContain('push  stale  1        120 min');
    expect(text).toContain('With an API key in TICKWIRE_API_KEY every replica is shown.');
  });

  it('have styles in a terminal alone', () => {
    expect(statusText(well, ['x'], { styled: false })).not.toContain('\u001b');
  });
});
