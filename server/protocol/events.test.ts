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

  const malformed = ['', ' ', 'two words', 'é', '1st', 'a\n', 'N'.repeat(limits.maxEventLength + 1)];

  it.each([...malformed, 7, null, ['news']])('%j is none', (name) => {
    expect(isEventName(name)).toBe(false);
  });

  const ofSocketIo = ['connect', 'connect_error', 'disconnect', 'disconnecting'];
  const ofEmitters = ['error', 'newListener', 'removeListener'];
  const ofPrices = ['tick', 'snapshot', 'quote', 'feed', 'symbols'];
  const ofServer = ['hello', 'heartbeat', 'shutdown', 'refused', 'cluster', 'node_gone'];
  const ofClients = ['subscribe', 'unsubscribe', 'watch', 'unwatch', 'send_message', 'refresh_token'];
  const ofPrototypes = ['__proto__', 'constructor', 'prototype', 'hasOwnProperty', 'toString', 'valueOf'];

  it.each([...ofSocketIo, ...ofEmitters, ...ofPrices, ...ofServer, ...ofClients, ...ofPrototypes])(
    '%s is reserved',
    (name) => {
      expect(isReservedEvent(name)).toBe(true);
    },
  );
});
