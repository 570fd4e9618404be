import { describe, expect, it } from 'vitest';
import { parseFeeds } from './feeds-setting.ts';

const noSource = (name: string) => `"${name}" is not a source; the sources are simulator and push`;

describe('parseFeeds', () => {
  it.each<[string, Record<string, string[] | null>]>([
    ['simulator,push', { simulator: null, push: null }],
    [' push ; simulator ', { push: null, simulator: null }],
    ['simulator:BTC-USD,eth-usd,push:ACME', { simulator: ['BTC-USD', 'ETH-USD'], push: ['ACME'] }],
    ['push: ACME , PUSH; simulator', { push: ['ACME', 'PUSH'], simulator: null }],
  ])('reads %j', (text, expected) => {
    const feeds = Object.entries(expected).map(([name, symbols]) => ({ name, symbols }));
    expect(parseFeeds(text)).toEqual({ ok: true, feeds });
  });

  it.each([
    ['', ['has an empty part']],
    ['simulator,,push', ['has an empty part']],
    ['simulator;', ['has an empty part']],
    ['simulator,simulator', ['names simulator twice']],
    ['push:', ['push: names no symbol after the colon']],
    ['push:ACME,ACME', ['push: ACME is named twice']],
    ['push:AC ME', ['push: "AC ME" is not a symbol such as BTC-USD']],
    ['BTC-USD', [noSource('BTC-USD')]],
    ['simulator,BTC-USD', [noSource('BTC-USD')]],
    ['push:ACME,exchange', [noSource('exchange')]],
    ['replay:BTC-USD,ETH-USD,push', [noSource('replay')]],
    ['Simulator', [noSource('Simulator')]],
  ])('refuses %j and says why', (text, problems) => {
    expect(parseFeeds(text)).toEqual({ ok: false, problems });
  });

  it('reports every problem at once', () => {
    expect(parseFeeds('push:a*,BTC-USD,BTC-USD;exchange')).toEqual({
      ok: false,
      problems: [
        'push: "a*" is not a symbol such as BTC-USD',
        'push: BTC-USD is named twice',
        noSource('exchange'),
      ],
    });
  });
});
