/** Who a connection or a call is of: what sign-in found out, and everything behind it goes by. Knows no token and no socket. */

export interface Identity {
  /** The user's id; null for somebody without a name. */
  readonly user: string | null;
  /** When the sign-in ends, in epoch milliseconds; null where it never does. */
  readonly expiresAt: number | null;
  /** Whether this user may have the symbol's prices. */
  maySee(symbol: string): boolean;
}

/** Nobody in particular, who may see everything, for as long as the connection lasts. */
export const anonymous: Identity = { user: null, expiresAt: null, maySee: () => true };

/** The longest id of a user, in characters. */
export const maxUserIdLength = 128;

const form = /^[\w.@:+=-]+$/;

/** Whether the text is an id of a user: 1 to 128 letters, digits and `_ . @ : + = -`, so that it is safe in a room's name, a key and a log. */
export function isUserId(text: unknown): text is string {
  return typeof text === 'string' && text.length <= maxUserIdLength && form.test(text);
}

/** The Socket.IO room of every session of that user. */
export function userRoom(user: string): string {
  return `user:${user}`;
}
