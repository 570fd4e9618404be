import { describe, expect, it } from 'vitest';
import { parseTopics } from './watch-request.ts';

describe('watch and unwatch', () => {
  it('[CS1] take a list of topics, unwatch also nothing', () => {
    expect(parseTopics('watch', [['cluster']])).toEqual({ ok: true, value: ['cluster'] });
    expect(parseTopics('unwatch', [['cluster']])).toEqual({ ok: true, value: ['cluster'] });
    expect(parseTopics('unwatch', [])).toEqual({ ok: true, value: ['cluster'] });
  });

  it.each([
    ['a text', ['cluster'], 'bad_payload'],
    ['nothing', [], 'bad_payload'],
    ['an empty list', [[]], 'bad_payload'],
    ['numbers', [[1]], 'bad_payload'],
    ['a second payload', [['cluster'], 1], 'bad_payload'],
    ['a long list', [Array.from({ length: 17 }, () => 'cluster')], 'bad_payload'],
    ['another topic', [['cluster', 'users']], 'unknown_topic'],
    ["a prototype's name", [['__proto__']], 'unknown_topic'],
  ])('[CS1] watch refuses %s', (_what, payload, name) => {
    expect(parseTopics('watch', payload)).toMatchObject({ ok: false, refusal: { name } });
  });
});
