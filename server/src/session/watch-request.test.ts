import { describe, expect, it } from 'vitest';
import { topicRows } from '../../test/security/catalogue/event-rows.ts';
import { parseTopics } from './watch-request.ts';

describe('watch and unwatch', () => {
  it('[CS1] take a list of topics, unwatch also nothing', () => {
    expect(parseTopics('watch', [['cluster']])).toEqual({ ok: true, value: ['cluster'] });
    expect(parseTopics('unwatch', [['cluster']])).toEqual({ ok: true, value: ['cluster'] });
    expect(parseTopics('unwatch', [])).toEqual({ ok: true, value: ['cluster'] });
  });

  for (const [name, event, payload, refused = 'bad_payload'] of topicRows)
    it(`[CS1] ${event} refuses ${name}`, () => {
      const parsed = parseTopics(event === 'watch' ? 'watch' : 'unwatch', payload);
      expect(parsed).toMatchObject({ ok: false, refusal: { name: refused } });
    });
});
