import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import express from 'express';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createClients } from './client-address.ts';

/** A request of that peer with that `X-Forwarded-For`. */
function requestOf(remote: string, forwarded?: string): IncomingMessage {
  const socket = new Socket();
  Object.defineProperty(socket, 'remoteAddress', { value: remote });
  const request = new IncomingMessage(socket);
  if (forwarded !== undefined) request.headers['x-forwarded-for'] = forwarded;
  return request;
}

const key = (remote: string, forwarded: string | undefined, trustedProxies: number) =>
  createClients({ trustedProxies, trustedNetworks: [] })(requestOf(remote, forwarded)).key;

describe('the address of a client', () => {
  it('[LM7] is the peer where no proxy is trusted, whatever the header says', () => {
    expect(key('192.0.2.1', '6.6.6.6', 0)).toBe('192.0.2.1');
  });

  it('[LM7] is the one that the trusted proxy names, and nothing that a client wrote before it', () => {
    expect(key('127.0.0.1', '6.6.6.6, 7.7.7.7, 192.0.2.1', 1)).toBe('192.0.2.1');
    expect(key('127.0.0.1', '6.6.6.6, 192.0.2.1, 10.0.0.1', 2)).toBe('192.0.2.1');
    expect(key('127.0.0.1', undefined, 1)).toBe('127.0.0.1');
    expect(key('127.0.0.1', '192.0.2.1', 3)).toBe('192.0.2.1');
  });

  it("[LM7] is Express' own, for any header and number of proxies", () => {
    const octet = fc.integer({ min: 1, max: 254 });
    const address = fc.tuple(octet, octet, octet, octet).map((parts) => parts.join('.'));
    fc.assert(
      fc.property(address, fc.array(address, { maxLength: 4 }), fc.nat(5), (remote, chain, hops) => {
        const app = express();
        app.set('trust proxy', hops);
        const request = requestOf(remote, chain.length === 0 ? undefined : chain.join(', '));
        Object.setPrototypeOf(request, app.request);
        Object.assign(request, { app });
        expect(key(remote, chain.length === 0 ? undefined : chain.join(', '), hops)).toBe(
          (request as express.Request).ip,
        );
      }),
    );
  });

  it('[LM7] is one for an IPv4 address in both spellings, and one for a /64 of IPv6', () => {
    expect(key('::ffff:192.0.2.1', undefined, 0)).toBe(key('192.0.2.1', undefined, 0));
    expect(key('2001:db8::1', undefined, 0)).toBe(key('2001:db8:0:0:ffff::2', undefined, 0));
    expect(key('2001:db8::1', undefined, 0)).not.toBe(key('2001:db8:0:1::1', undefined, 0));
  });

  it('[LM7] is what a proxy wrote where that is none', () => {
    expect(key('127.0.0.1', 'unknown', 1)).toBe('unknown');
    expect(key('127.0.0.1', 'x'.repeat(10_000), 1)).toHaveLength(64);
  });

  it('[LM7] trusts the named networks only', () => {
    const trustedNetworks = ['127.0.0.0/8', '10.0.0.0/8', 'fc00::/7'];
    const clientOf = createClients({ trustedProxies: 0, trustedNetworks });
    const isTrusted = (remote: string) => clientOf(requestOf(remote)).isTrusted;
    expect(['127.0.0.9', '::ffff:10.1.2.3', 'fd00::1'].map(isTrusted)).toEqual([true, true, true]);
    expect(['11.0.0.1', '2001:db8::1', 'nonsense'].map(isTrusted)).toEqual([false, false, false]);
  });
});
