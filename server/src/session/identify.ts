/**
 * Finds out who a socket is of before it joins: `socket.data.identity` from then on. Who is refused for good is told in the
 * handshake's answer, everyone else may come back and is let in only to be told so. Keeps SPEC.md [SI1], [CS5], [CL1].
 */
import { refusal, type Refusal } from '../../protocol/index.ts';
import {
  anonymous,
  bearerOf,
  isApiKeyName,
  SignInRefused,
  type Identity,
  type SignIn,
} from '../users/identity.ts';
import type { CallBudgets } from './call-budgets.ts';
import type { ClientSocket } from './session.ts';

/** What is known of a socket, in `socket.data`. */
export interface SocketData {
  /** From the first middleware on. */
  identity: Identity;
  /** The name of the API key that it showed. */
  operator?: string;
  /** Set by a middleware that lets a socket in only to tell it this: it may come back, and gets no session. */
  refused?: Refusal;
}

interface IdentifyOptions {
  /** What the connection may do: to join is a call too. */
  callBudgets: Pick<CallBudgets, 'of'>;
  signIn: SignIn;
  /** Tells the name of the API key that is shown, or null where it is none. */
  keyNameOf: (shown: string) => string | null;
  /** Fires for each socket that is refused, with the code's name. */
  onRefused: (socketId: string, name: string) => void;
  /** Fires for each that cannot be let in by a fault of ours. */
  onError: (socketId: string, error: unknown) => void;
}

type Next = (error?: Error) => void;

/** A join weighs as much as so many calls: it is answered with the list of all symbols. */
const joinWeight = 5;

/** Ends a middleware with a refusal: in the handshake's answer where it is for good, else once the socket has joined. */
export function refuseIn(socket: ClientSocket, next: Next, why: Refusal): void {
  if (why.retry === 'never') {
    next(Object.assign(new Error(why.name), { data: why }));
    return;
  }
  socket.data.refused = why;
  next();
}

/** The middleware for `io.use`, before all others. Waits for nothing where sign-in does not. */
export function createIdentify({ callBudgets, signIn, keyNameOf, onRefused, onError }: IdentifyOptions) {
  function operatorOf(shown: unknown, query: Readonly<Record<string, unknown>>): string | null {
    if (Object.keys(query).some(isApiKeyName))
      throw new SignInRefused(
        'api_key_invalid',
        'an API key in an address is not taken: it belongs in auth.apiKey',
      );
    if (shown === undefined || shown === null) return null;
    const name = typeof shown === 'string' ? keyNameOf(shown) : null;
    if (name === null) throw new SignInRefused('api_key_invalid');
    return name;
  }

  return (socket: ClientSocket, next: Next): void => {
    if (!callBudgets.of(socket.conn)(joinWeight)) {
      onRefused(socket.id, 'too_many_calls');
      socket.data.identity = anonymous;
      refuseIn(socket, next, refusal('too_many_calls'));
      return;
    }
    const { auth, headers, query } = socket.handshake;
    const accept = (identity: Identity): void => {
      socket.data.identity = identity;
      next();
    };
    const refuse = (error: unknown): void => {
      const isKeyEnough = socket.data.operator !== undefined && error instanceof SignInRefused;
      if (isKeyEnough && error.refusal.name === 'token_required') {
        accept(anonymous);
        return;
      }
      if (error instanceof SignInRefused) {
        onRefused(socket.id, error.refusal.name);
        refuseIn(socket, next, error.refusal);
      } else {
        onError(socket.id, error);
        refuseIn(socket, next, refusal('internal'));
      }
    };
    let identity: Identity | Promise<Identity>;
    try {
      const operator = operatorOf(auth['apiKey'], query);
      if (operator !== null) socket.data.operator = operator;
      identity = signIn({ token: auth['token'] ?? bearerOf(headers), userId: auth['userId'], query });
    } catch (error) {
      refuse(error);
      return;
    }
    if (identity instanceof Promise) void identity.then(accept, refuse);
    else accept(identity);
  };
}

type Renewal = { ok: true; identity: Identity } | { ok: false; refusal: Refusal };

/** Who shows that token, where it is the same user as before. Rejects for a fault of ours alone. */
export async function renew(signIn: SignIn, { user }: Identity, token: unknown): Promise<Renewal> {
  try {
    const identity = await signIn({ token, userId: user });
    return identity.user === user ? { ok: true, identity } : { ok: false, refusal: refusal('other_user') };
  } catch (error) {
    if (error instanceof SignInRefused) return { ok: false, refusal: error.refusal };
    throw error;
  }
}
