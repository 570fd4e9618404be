/** Addresses as configurations and URLs write them. */

/**
 * A host as it stands before a port: an IPv6 address in brackets.
 *
 * @param {string} host
 */
export function hostInUrl(host) {
  return host.includes(':') ? `[${host}]` : host;
}

/**
 * A host at which this machine reaches what listens on `host`.
 *
 * @param {string} host Every address of the machine when empty.
 */
export function reachableHost(host) {
  if (host === '' || host === '0.0.0.0') return '127.0.0.1';
  return host === '::' ? '::1' : host;
}
