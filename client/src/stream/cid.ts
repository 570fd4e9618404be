/**
 * The connection id that each request carries as `?cid=`: Nginx hashes it, so that polling requests and the upgrade
 * of one connection reach one replica, and another id may reach another.
 */

/** Gives a new random id of 16 hexadecimal characters. */
export function makeCid(): string {
  // Not crypto.randomUUID(): browsers have it on HTTPS and localhost only, and a page on a local network has neither.
  const bytes = crypto.getRandomValues(new Uint8Array(8));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
