/** Whose handshake or call it is: the address behind exactly the proxies that are trusted, and what stands for it in counts. Pure. */
import type { IncomingMessage } from 'node:http';
import ipaddr from 'ipaddr.js';
import { addressKey } from './address-key.ts';

type Address = ReturnType<typeof ipaddr.parse>;

/** Who asks, as the limits by address count it [LM7] [AP3]; a trusted one has none of them. */
export interface Client {
  /** As of `addressKey`. */
  key: string;
  /** Of one of the trusted networks. */
  isTrusted: boolean;
}

/** `TRUST_PROXY` and `TRUSTED_NETWORKS`. Text that is no CIDR makes `createClients` throw. */
export interface ClientsOptions {
  /** Proxies in front, each of which adds to `X-Forwarded-For` whom it was asked by; 0 for none. */
  trustedProxies: number;
  /** As CIDR. */
  trustedNetworks: readonly string[];
}

/** The address as text, as Express' `req.ip` has it. What a client wrote into the header itself is further to the left. */
function addressOf({ socket, headers }: IncomingMessage, trustedProxies: number): string {
  const remote = socket.remoteAddress ?? '';
  if (trustedProxies === 0) return remote;
  const forwarded = String(headers['x-forwarded-for'] ?? '')
    .split(',')
    .map((text) => text.trim())
    .filter((text) => text !== '');
  return [...forwarded, remote].at(-1 - Math.min(trustedProxies, forwarded.length)) ?? remote;
}

function isIn(address: Address, network: [Address, number]): boolean {
  return address.kind() === network[0].kind() && address.match(network);
}

/** Gives a function that tells whose a request is. */
export function createClients({ trustedProxies, trustedNetworks }: ClientsOptions) {
  const networks = trustedNetworks.map((network) => ipaddr.parseCIDR(network));

  return (request: IncomingMessage): Client => {
    const text = addressOf(request, trustedProxies);
    return {
      key: addressKey(text),
      isTrusted: ipaddr.isValid(text) && networks.some((network) => isIn(ipaddr.process(text), network)),
    };
  };
}
