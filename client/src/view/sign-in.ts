/** When a visitor has to sign in, and why, in words. Pure. */
import type { Refusal } from '../../../server/protocol/index.ts';
import type { ConnectionState } from '../stream/index.ts';

/** What is asked of the visitor. */
export interface SignInRequest {
  words: string;
  /** Whether a token was shown, and not taken. */
  isRefused: boolean;
}

/** The refusal that another token may mend; null where there is none. */
export function signInRefusal(connection: ConnectionState): Refusal | null {
  const refusal = 'refusal' in connection ? (connection.refusal ?? null) : null;
  return refusal !== null && refusal.name.startsWith('token_') ? refusal : null;
}

/** Words for a refusal that `signInRefusal` gave: where no token was shown, none is called bad. */
export function signInRequest({ name, message }: Refusal): SignInRequest {
  if (name === 'token_required')
    return { words: 'Prices are for users here. Paste the token that you were given.', isRefused: false };
  if (name === 'token_expired')
    return { words: 'Your sign-in has ended. Paste a new token.', isRefused: true };
  return { words: `${message.charAt(0).toUpperCase()}${message.slice(1)}.`, isRefused: true };
}
