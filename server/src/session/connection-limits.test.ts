/** What the settings' numbers come to. */
import { expect, it } from 'vitest';
import { connectionLimits } from './connection-limits.ts';

const settings = {
  maxPacketsPerSecond: 200,
  maxCallsPerSecond: 60,
  maxSubscriptions: 5_000,
  maxMessageBytes: 131_072,
};

it('[LM1] five times the packets of a second go at once, and the largest message does whatever the rate', () => {
  expect(connectionLimits(settings).packets).toEqual({ perSecond: 200, burst: 1_000 });
  expect(connectionLimits({ ...settings, maxPacketsPerSecond: 1 }).packets).toEqual({
    perSecond: 1,
    burst: 256,
  });
});

it('[LM2] what may be left unread grows with the symbols that one may have, and is never little', () => {
  expect(connectionLimits(settings).maxUnreadBytes).toBe(5_120_000);
  expect(connectionLimits({ ...settings, maxSubscriptions: 1 }).maxUnreadBytes).toBe(1_048_576);
});

it('[LM4] ten times the calls of a second go at once', () => {
  expect(connectionLimits(settings).calls).toEqual({ perSecond: 60, burst: 600 });
});
