import { describe, expect, it } from 'vitest';
import { isEventName, isReservedEvent, limits } from './index.ts';

describe('[MS4] names of events', () => {
  it.each(['message', 'news', 'order.filled', 'a:b-c_d', '_private', 'N'.repeat(limits.maxEventLength)])(
    '%s may be chosen',
    (name) => {
      expect(isEventName(name)).toBe(true);
      expect(isReservedEvent(name)).toBe(false);
    },
  );

  it.each([
    '',
    ' ',
    'two words',
    'é',
    '1st',
    'a\n',
    'N'.repeat(limits.maxEventLength + 1),
    7,
    null,
    ['news'],
  ])('%j is none', (name) => {
    expect(isEventName(name)).toBe(false);
  });

  it.each([
    'connect',
    'connect_error',
    'disconnect',
    'disconnecting',
    'node_gone',
    'error',
    'newListener',
    'removeListener',
    'hello',
    'tick',
    'snapshot',
    'quote',
    'feed',
    'heartbeat',
    'symbols',
    'shutdown',
    'refused',
    'cluster',
    'subscribe',
    'unsubscribe',
    'watch',
    'unwatch',
    'send_message',
    'refresh_token',
    '__proto__',
    'constructor',
    'prototype',
    'hasOwnProperty',
    'toString',
    'valueOf',
  ])('%s is reserved', (name) => {
    expect(isReservedEvent(name)).toBe(true);
  });
});
