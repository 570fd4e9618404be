/** What stands for an address where something is counted by address. Pure. */
import ipaddr from 'ipaddr.js';

const ipv6KeyBytes = 8;
const maxKeyLength = 64;

/** Gives an IPv4 address, also where it was mapped into IPv6; the /64 network of an IPv6 one, which one machine has to itself; of what is no address its beginning. */
export function addressKey(text: string): string {
  // A proxy may write what is none.
  if (!ipaddr.isValid(text)) return text.slice(0, maxKeyLength);
  const address = ipaddr.process(text);
  return address.kind() === 'ipv4'
    ? address.toString()
    : address.toByteArray().slice(0, ipv6KeyBytes).join('.');
}
