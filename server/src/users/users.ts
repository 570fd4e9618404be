/**
 * All that concerns users, joined: sign-in, their seats over all replicas, messages to them and the proof that a caller is a
 * session. The one place that knows how these depend on each other; knows no sockets and no routes itself.
 */
import type { UserSeats } from '../backplane/contract.ts';
import type { Clock } from '../support/clock.ts';
import type { Log } from '../support/log.ts';
import { createAuthenticateRequest } from './authenticate-request.ts';
import type { AuthenticateRequest, SignIn } from './identity.ts';
import { createDisconnects, type Disconnects, type DisconnectsOptions } from './disconnects.ts';
import { createMessages, type Messages, type MessagesOptions } from './messages.ts';
import type { Others } from './others.ts';
import type { SeatTaker } from './seat.ts';
import { createSeats, type SeatsOptions } from './seats.ts';
import { createSessionProof, type SessionProof, type SessionProofOptions } from './session-proof.ts';
import { createSignIn, type SignInOptions } from './sign-in.ts';

interface UsersOptions {
  auth: SignInOptions['auth'];
  /** The most connections of a user; 0 for any number. */
  maxConnectionsPerUser: number;
  seatStore: UserSeats;
  others: Others;
  clock: Clock;
  log: Log;
  /** As of `createMessages`. */
  outlets: MessagesOptions['outlets'];
  onSent: MessagesOptions['onSent'];
  onDelivered: MessagesOptions['onDelivered'];
  /** As of `createDisconnects`. */
  disconnectHere: DisconnectsOptions['disconnectHere'];
  /** As of `createSessionProof`. */
  findSession: SessionProofOptions['find'];
  /** As of `createSeats`. */
  onSeatRefused: SeatsOptions['onRefused'];
  onSeatUncounted: SeatsOptions['onUncounted'];
}

/** What sessions, the API and the other replicas ask for on behalf of users. Its `close` ends no session. */
export interface Users {
  readonly signIn: SignIn;
  readonly authenticate: AuthenticateRequest;
  /** Null where users may have any number of connections. */
  readonly seats: SeatTaker | null;
  readonly messages: Pick<Messages, 'send' | 'sendFrom'>;
  readonly disconnect: Disconnects['disconnect'];
  readonly prove: SessionProof['prove'];
  /** What the other replicas ask of this one. */
  readonly answers: Messages['answers'] & SessionProof['answers'] & Disconnects['answers'];
  /** Begins to count seats; to be called again when the link to their store is back. */
  start(): void;
  /** Gives back every seat of this replica, for good. */
  close(): Promise<void>;
}

/** Asks nothing of anybody before `start`. */
export function createUsers(options: UsersOptions): Users {
  const { auth, maxConnectionsPerUser, seatStore, others, clock, log } = options;
  const signIn = createSignIn({
    auth,
    clock,
    onKeysLost: (error) => log.warn({ err: error }, 'the keys of tokens cannot be had: nobody can sign in'),
  });
  const seats =
    maxConnectionsPerUser === 0
      ? null
      : createSeats({
          store: seatStore,
          maxPerUser: maxConnectionsPerUser,
          clock,
          log,
          onRefused: options.onSeatRefused,
          onUncounted: options.onSeatUncounted,
        });
  const messages = createMessages({ ...options, clock, others });
  const disconnects = createDisconnects(options);
  const sessionProof = createSessionProof({ others, find: options.findSession });

  return {
    signIn,
    authenticate: createAuthenticateRequest(signIn),
    seats,
    messages,
    disconnect: (user) => disconnects.disconnect(user),
    prove: (shown, symbol) => sessionProof.prove(shown, symbol),
    answers: { ...messages.answers, ...sessionProof.answers, ...disconnects.answers },
    start: () => seats?.start(),
    close: async () => seats?.close(),
  };
}
