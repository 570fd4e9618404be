import { describe, expect, it } from 'vitest';
import { parseFeeds } from './feeds-setting.ts';

describe('parseFeeds', () => {
  it.each([
    [
      'simulator,push',
      [
        { name: 'simulator', symbols: null },
        { name: 'push', symbols: null },
      ],
    ],
    [
      ' push ; simulator ',
      [
        { name: 'push', symbols: null },
        { name: 'simulator', symbols: null },
      ],
    ],
    [
      'simulator:BTC-USD,eth-usd,push:ACME',
      [
        { name: 'simulator', symbols: ['BTC-USD', 'ETH-USD'] },
        { name: 'push', symbols: ['ACME'] },
      ],
    ],
    [
      'push: ACME , PUSH; simulator',
      [
        { name: 'push', symbols: ['ACME', 'PUSH'] },
        { name: 'simulator', symbols: null },
      ],
    ],
  ])('reads %j', (text, feeds) => {
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
    ['BTC-USD', ['"BTC-USD" is not a source; the sources are simulator and push']],
    ['simulator,BTC-USD', ['"BTC-USD" is not a source; the sources are simulator and push']],
    ['push:ACME,exchange', ['"exchange" is not a source; the sources are simulator and push']],
    ['replay:BTC-USD,ETH-USD,push', ['"replay" is not a source; the sources are simulator and push']],
    ['Simulator', ['"Simulator" is not a source; the sources are simulator and push']],
  ])('refuses %j and says why', (text, problems) => {
    expect(parseFeeds(text)).toEqual({ ok: false, problems });
  });

  it('reports every problem at once', () => {
    expect(parseFeeds('push:a*,BTC-USD,BTC-USD;exchange')).toEqual({
      ok: false,
      problems: [
        'push: "a*" is not a symbol such as BTC-USD',
        'push: BTC-USD is named twice',
        '"exchange" is not a source; the sources are simulator and push',
      ],
    });
  });
});
