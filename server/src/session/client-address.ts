/** Whose handshake it is: the address behind exactly the proxies that are trusted, and what stands for it in counts. Pure. */
import type { IncomingMessage } from 'node:http';
import ipaddr from 'ipaddr.js';

type Address = ReturnType<typeof ipaddr.parse>;

export interface Client {
  /** An IPv4 address, or the /64 network of an IPv6 one, which one machine has to itself. */
  key: string;
  /** Of one of the trusted networks. */
  isTrusted: boolean;
}

export interface ClientsOptions {
  /** Proxies in front, each of which adds to `X-Forwarded-For` whom it was asked by; 0 for none. */
  trustedProxies: number;
  /** As CIDR. */
  trustedNetworks: readonly string[];
}

const ipv6KeyBytes = 8;
const maxKeyLength = 64;

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
    // A proxy may write what is none.
    if (!ipaddr.isValid(text)) return { key: text.slice(0, maxKeyLength), isTrusted: false };
    // One that was mapped into IPv6 becomes the IPv4 address that it is.
    const address = ipaddr.process(text);
    return {
      key:
        address.kind() === 'ipv4'
          ? address.toString()
          : address.toByteArray().slice(0, ipv6KeyBytes).join('.'),
      isTrusted: networks.some((network) => isIn(address, network)),
    };
  };
}
