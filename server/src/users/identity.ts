/** Who a connection or a call is of: what sign-in found out, and everything behind it goes by. Proves nothing. */
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { codes, refusal, type CodeName, type Refusal } from '../../protocol/index.ts';

/** Never changed: a connection whose client shows another token gets another one. */
export interface Identity {
  /** The user's id; null for somebody without a name. */
  readonly user: string | null;
  /** When the sign-in ends, in epoch milliseconds; null where it never does. */
  readonly expiresAt: number | null;
  /** Whether this user may have the symbol's prices. */
  maySee(symbol: string): boolean;
}

/** What a client says of itself. Nothing of it is believed before it was looked at. */
export interface Credentials {
  token?: unknown;
  userId?: unknown;
  /** The query of its request: a token there is one too many. */
  query?: Readonly<Record<string, unknown>>;
}

const bearer = /^Bearer +(\S+)$/i;

/** The token in an `Authorization` header, where there is one. */
export function bearerOf({ authorization }: IncomingHttpHeaders): string | undefined {
  return authorization === undefined ? undefined : bearer.exec(authorization)?.[1];
}

const apiKeyName = /^(x-)?api[-_]?key$/i;

/** Whether that is what callers name an API key in a query, where it would be kept in histories and logs. */
export function isApiKeyName(name: string): boolean {
  return apiKeyName.test(name);
}

/** Gives the identity of who shows these, at once where nothing is to be proved; throws or rejects with `SignInRefused`. */
export type SignIn = (credentials: Credentials) => Identity | Promise<Identity>;

/**
 * Says who sent an HTTP request or a WebSocket's handshake, by its `Authorization: Bearer` header or what else it was seen to
 * show; rejects with `SignInRefused`.
 */
export type AuthenticateRequest = (
  request: IncomingMessage,
  shown?: Pick<Credentials, 'token' | 'userId'>,
) => Promise<Identity>;

/** Why somebody was not signed in. */
export class SignInRefused extends Error {
  override name = 'SignInRefused';
  readonly refusal: Refusal;

  constructor(name: CodeName, message?: string) {
    super(message ?? codes[name].message);
    this.refusal = refusal(name, message);
  }
}

/** One who may see everything, for as long as the connection lasts. `maySee` is no own property: `socket.data` is copied between processes. */
class Unproved implements Identity {
  readonly user: string | null;
  readonly expiresAt = null;

  constructor(user: string | null) {
    this.user = user;
  }

  maySee(): boolean {
    return true;
  }
}

/** Nobody in particular. */
export const anonymous: Identity = new Unproved(null);

/** The user of that id, who need not prove it. */
export function claimed(user: string): Identity {
  return new Unproved(user);
}

/** The longest id of a user, in characters. */
export const maxUserIdLength = 128;

const form = /^[\w.@:+=|-]+$/;

/** Whether the text is an id of a user: 1 to 128 letters, digits and `_ . @ : + = | -`, so that it is safe in a room's name, a key and a log. */
export function isUserId(text: unknown): text is string {
  return typeof text === 'string' && text.length <= maxUserIdLength && form.test(text);
}

/** The Socket.IO room of every session of that user. */
export function userRoom(user: string): string {
  return `user:${user}`;
}
