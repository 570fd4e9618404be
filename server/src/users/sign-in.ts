/**
 * Finds out who a client is from what it shows: either its word is taken, or a signed token (JWT) is proved. Every token that
 * is not taken gets one refusal, which repeats nothing of it. Knows no socket and no route. Keeps SPEC.md [SI1] to [SI5].
 */
import { createRemoteJWKSet, errors, jwtVerify, type JWTPayload, type JWTVerifyGetKey } from 'jose';
import type { Clock } from '../support/clock.ts';
import { anonymous, claimed, isUserId, SignInRefused, type Identity, type SignIn } from './identity.ts';
import { parsePermission, type Permission } from './permission.ts';

/** How tokens are proved. */
export interface TokenRules {
  readonly mode: 'jwt';
  /** What signatures are proved with: a shared secret, or the public keys at an address. */
  readonly key: { readonly secret: string } | { readonly jwksUrl: string };
  /** What `iss` must be; null for anything. */
  readonly issuer: string | null;
  /** What `aud` must be or hold; null for anything. */
  readonly audience: string | null;
  /** Seconds from its `iat` for which a token is taken; null where its `exp` alone says. */
  readonly maxAgeS: number | null;
}

/** By what clients are known: with `none` by their word, else by tokens that hold to the rules. */
export interface SignInOptions {
  auth: { readonly mode: 'none' } | TokenRules;
  clock: Pick<Clock, 'now' | 'after'>;
  /** Fires when the keys cannot be had, and not again before they could. */
  onKeysLost?: (error: unknown) => void;
}

/** Characters of a token: a longer header would not pass Nginx either. */
export const maxTokenLength = 8_192;
/** By how much the clock of whoever made a token may be ahead of ours, in seconds. */
const toleranceS = 5;
/** The furthest end of a token where JWT_MAX_AGE does not say, in seconds: what ends later never ends, or is not in seconds. */
const furthestS = 366 * 86_400;
/** How long the keys may take to come, in milliseconds; a connection has longer to join. */
const keysTimeoutMs = 3_000;
/** A key that is not known makes us ask for new ones, once in so many milliseconds at most; until then its token waits. */
const keysCooldownMs = 1_000;

/** What a token in an address would be called. */
const tokenNames = ['token', 'access_token', 'id_token', 'jwt'];
/** Headers by which a token brings a key of its own, or asks for what is not done here. */
const foreignHeaders = ['crit', 'jku', 'jwk', 'x5u'];

/** The keys cannot be had. */
class KeysLost extends Error {
  override name = 'KeysLost';
}

/** One who has proved to be that user. */
class SignedIn implements Identity {
  readonly user: string;
  readonly expiresAt: number;
  readonly #permission: Permission;

  constructor(user: string, expiresAt: number, permission: Permission) {
    this.user = user;
    this.expiresAt = expiresAt;
    this.#permission = permission;
  }

  maySee(symbol: string): boolean {
    return this.#permission(symbol);
  }
}

/** Takes a client's word: its `userId` where it gives one, nobody in particular else. */
const takeItsWord: SignIn = ({ userId }) => {
  if (userId === undefined || userId === null) return anonymous;
  if (!isUserId(userId)) throw new SignInRefused('bad_user_id');
  return claimed(userId);
};

/** Gives what signs clients in. Keys from an address are kept for ten minutes. */
export function createSignIn({ auth, clock, onKeysLost = () => {} }: SignInOptions): SignIn {
  if (auth.mode === 'none') return takeItsWord;
  const { key, issuer, audience, maxAgeS } = auth;
  const [algorithms, findKey] =
    'secret' in key
      ? [['HS256'], keepSecret(key.secret)]
      : [['RS256', 'ES256', 'PS256', 'EdDSA'], fetchKeys(key.jwksUrl, clock, onKeysLost)];

  async function prove(token: string): Promise<Identity> {
    const now = clock.now();
    const { payload } = await jwtVerify(
      token,
      (header, jws) => {
        if (foreignHeaders.some((name) => Object.hasOwn(header, name)))
          throw invalid(`none of ${foreignHeaders.join(', ')} may be in its header`);
        return findKey(header, jws);
      },
      {
        algorithms,
        requiredClaims: ['exp', 'sub'],
        clockTolerance: toleranceS,
        currentDate: new Date(now),
        ...(issuer !== null && { issuer }),
        ...(audience !== null && { audience }),
        ...(maxAgeS !== null && { maxTokenAge: maxAgeS }),
      },
    );
    return identityOf(payload, now, maxAgeS);
  }

  return async ({ token, query = {} }) => {
    if (tokenNames.some((name) => Object.hasOwn(query, name)))
      throw invalid('in an address it ends up in logs; it belongs in auth.token or an Authorization header');
    if (token === undefined || token === null || token === '') throw new SignInRefused('token_required');
    if (typeof token !== 'string') throw invalid('it is no text');
    if (token.length > maxTokenLength) throw invalid(`it has more than ${maxTokenLength} characters`);
    try {
      return await prove(token);
    } catch (error) {
      throw refusalOf(error);
    }
  };
}

function keepSecret(secret: string): JWTVerifyGetKey {
  const bytes = new TextEncoder().encode(secret);
  const imported = crypto.subtle.importKey('raw', bytes, { name: 'HMAC', hash: 'SHA-256' }, false, [
    'verify',
  ]);
  return () => imported;
}

/** What it gives rejects with `KeysLost` where it is not the token's fault. */
function fetchKeys(
  url: string,
  clock: Pick<Clock, 'after'>,
  onKeysLost: (error: unknown) => void,
): JWTVerifyGetKey {
  const keys = createRemoteJWKSet(new URL(url), {
    timeoutDuration: keysTimeoutMs,
    cooldownDuration: keysCooldownMs,
  });
  let areLost = false;

  /** Those just fetched may be older than a token whose key is new: who is refused for that would not come back. */
  const find: JWTVerifyGetKey = async (header, jws) => {
    const mayBeOld = keys.coolingDown;
    try {
      return await keys(header, jws);
    } catch (error) {
      if (!mayBeOld || !(error instanceof errors.JWKSNoMatchingKey)) throw error;
      await new Promise<void>((resolve) => void clock.after(keysCooldownMs, resolve));
      return keys(header, jws);
    }
  };

  return async (header, jws) => {
    try {
      const key = await find(header, jws);
      areLost = false;
      return key;
    } catch (error) {
      const isOfToken =
        error instanceof errors.JWKSNoMatchingKey ||
        error instanceof errors.JWKSMultipleMatchingKeys ||
        error instanceof errors.JOSENotSupported;
      if (isOfToken) throw error;
      if (!areLost) onKeysLost(error);
      areLost = true;
      throw new KeysLost('the keys cannot be had', { cause: error });
    }
  };
}

/** Takes the claims of a proved token, of which `exp` and `iat` are numbers where they are there. */
function identityOf(
  { sub, exp = NaN, iat, symbols }: JWTPayload,
  now: number,
  maxAgeS: number | null,
): Identity {
  const nowS = now / 1_000;
  const boundS = maxAgeS ?? furthestS;
  if (exp > nowS + boundS + toleranceS) throw invalid(`its exp lies more than ${boundS} seconds ahead`);
  if (iat !== undefined && iat > nowS + toleranceS) throw invalid('its iat lies in the future');
  const endsAt = maxAgeS === null ? exp : Math.min(exp, (iat ?? NaN) + maxAgeS);
  // Without tolerance: the sweep that ends open connections has none.
  if (endsAt <= nowS) throw new SignInRefused('token_expired');
  if (!isUserId(sub)) throw invalid('its sub is not an id of a user');
  const permission = parsePermission(symbols);
  if (permission === null) throw invalid('its symbols must be a list such as ["BTC-USD", "ETH-*"]');
  return new SignedIn(sub, Math.floor(endsAt * 1_000), permission);
}

function invalid(why: string): SignInRefused {
  return new SignInRefused('token_invalid', `this token is not taken here: ${why}`);
}

/** What is no refusal is a fault of ours and stays what it is. */
function refusalOf(error: unknown): unknown {
  if (error instanceof SignInRefused) return error;
  if (error instanceof KeysLost) return new SignInRefused('sign_in_unavailable');
  if (error instanceof errors.JWTExpired) return new SignInRefused('token_expired');
  if (error instanceof errors.JWTClaimValidationFailed)
    return invalid(
      error.reason === 'missing' ? `it has no ${error.claim}` : `its ${error.claim} is not right`,
    );
  if (error instanceof errors.JOSEAlgNotAllowed) return invalid('its algorithm is not one that is taken');
  if (error instanceof errors.JWSSignatureVerificationFailed) return invalid('its signature does not hold');
  if (error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys)
    return invalid('its kid names no key');
  return error instanceof errors.JOSEError ? invalid('it has not the form of a signed token') : error;
}
