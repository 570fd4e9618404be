/**
 * Every refusal of Tickwire: a number, a name and a retry rule. Clients act on `code` and `retry`, never on text.
 * 41xx: what was sent; 42xx: limits; 43xx: who is asking; 45xx: our own state. SPEC.md [C1] to [C4].
 */
import type { Refusal, Retry } from './types.ts';

interface Code {
  code: number;
  retry: Retry;
  /** The HTTP status that the same refusal has at the API. */
  status: number;
  message: string;
}

/** Every refusal by its name. `message` is what people are told where nothing more is known. */
export const codes = {
  bad_payload: {
    code: 4100,
    retry: 'never',
    status: 400,
    message: 'the payload does not have the form that this call takes',
  },
  bad_symbol: {
    code: 4101,
    retry: 'never',
    status: 400,
    message: 'not a symbol: 1 to 16 letters or digits, then optionally - . or / and 1 to 16 more',
  },
  unknown_symbol: { code: 4102, retry: 'never', status: 404, message: 'this symbol is not listed here' },
  rate_not_offered: {
    code: 4103,
    retry: 'never',
    status: 400,
    message: 'everyMs is not a rate that is offered here; 0 is each tick',
  },
  unknown_event: { code: 4104, retry: 'never', status: 404, message: 'no such event' },
  not_found: { code: 4105, retry: 'never', status: 404, message: 'there is nothing at this address' },
  method_not_allowed: {
    code: 4106,
    retry: 'never',
    status: 405,
    message: 'this address does not take this method',
  },
  symbol_of_other_source: {
    code: 4107,
    retry: 'never',
    status: 409,
    message: 'the prices of this symbol come from another source',
  },
  idempotency_conflict: {
    code: 4108,
    retry: 'never',
    status: 409,
    message: 'this Idempotency-Key was used with another body',
  },
  unsupported_media_type: {
    code: 4109,
    retry: 'never',
    status: 415,
    message: 'the body must be application/json',
  },
  transfer_not_supported: {
    code: 4140,
    retry: 'never',
    status: 501,
    message: 'the body of this request is encoded in a way that is not taken here',
  },
  version_not_supported: {
    code: 4141,
    retry: 'never',
    status: 505,
    message: 'this version of HTTP is not spoken here',
  },
  reserved_event: {
    code: 4120,
    retry: 'never',
    status: 400,
    message: 'events of this name have a meaning of their own; choose another',
  },
  no_price: {
    code: 4121,
    retry: 'later',
    status: 404,
    message: 'this symbol has no price yet',
  },
  no_session: {
    code: 4122,
    retry: 'later',
    status: 404,
    message: 'this user has no session',
  },
  unknown_topic: {
    code: 4130,
    retry: 'never',
    status: 404,
    message: 'there is nothing of this name to watch',
  },
  upgrade_required: {
    code: 4123,
    retry: 'never',
    status: 426,
    message: 'this address takes WebSockets alone',
  },
  backend_refused: {
    code: 4124,
    retry: 'never',
    status: 400,
    message: 'the backend does not take this event',
  },
  retired: {
    code: 4160,
    retry: 'never',
    status: 410,
    message: 'this symbol was retired: it is listed no longer',
  },
  unknown_feed: { code: 4161, retry: 'never', status: 400, message: 'there is no such source here' },
  symbol_list_full: {
    code: 4261,
    retry: 'never',
    status: 409,
    message: 'as many symbols are listed as there may be',
  },
  too_many_symbols: { code: 4200, retry: 'never', status: 400, message: 'too many symbols in one call' },
  too_many_calls: {
    code: 4202,
    retry: 'later',
    status: 429,
    message: 'too many calls on this connection',
  },
  too_many_subscriptions: {
    code: 4203,
    retry: 'never',
    status: 400,
    message: 'more symbols than one connection may have',
  },
  too_many_packets: {
    code: 4204,
    retry: 'later',
    status: 429,
    message: 'this connection sent too much at once',
  },
  not_reading: {
    code: 4205,
    retry: 'later',
    status: 429,
    message: 'this connection did not read what was sent to it',
  },
  joined_twice: {
    code: 4110,
    retry: 'later',
    status: 400,
    message: 'this connection has joined already',
  },
  payload_too_large: {
    code: 4201,
    retry: 'never',
    status: 413,
    message: 'the body is larger than this call takes',
  },
  slow_client: {
    code: 4206,
    retry: 'later',
    status: 503,
    message:
      'this connection takes less than it is sent, even with all ticks merged; subscribe to less, or at a slower rate',
  },
  too_many_connections: {
    code: 4207,
    retry: 'later',
    status: 429,
    message: 'this user has as many connections as one may have; a place is free when one of them is closed',
  },
  seat_taken_over: {
    code: 4208,
    retry: 'never',
    status: 409,
    message: 'another connection of this user came with the same cid, and took the place of this one',
  },
  too_many_api_calls: {
    code: 4209,
    retry: 'later',
    status: 429,
    message: 'too many API calls of this caller; Retry-After says when there is room again',
  },
  too_many_connections_from_address: {
    code: 4210,
    retry: 'later',
    status: 429,
    message: 'this address has as many connections as one may have',
  },
  uri_too_long: {
    code: 4240,
    retry: 'never',
    status: 414,
    message: 'the address of this request is too long',
  },
  headers_too_large: {
    code: 4241,
    retry: 'never',
    status: 431,
    message: 'the headers of this request are too large',
  },
  request_timeout: {
    code: 4242,
    retry: 'later',
    status: 408,
    message: 'this request did not come whole in time',
  },
  too_many_handshakes: {
    code: 4211,
    retry: 'later',
    status: 429,
    message: 'too many handshakes from this address',
  },
  api_key_required: {
    code: 4300,
    retry: 'never',
    status: 401,
    message: 'this call takes a valid API key in the X-API-Key header',
  },
  origin_not_allowed: {
    code: 4301,
    retry: 'never',
    status: 403,
    message: 'pages of this origin may not connect',
  },
  token_required: {
    code: 4302,
    retry: 'never',
    status: 401,
    message: 'sign in: a token belongs in auth.token of the handshake, or in an Authorization: Bearer header',
  },
  token_invalid: { code: 4303, retry: 'never', status: 401, message: 'this token is not taken here' },
  token_expired: {
    code: 4304,
    retry: 'later',
    status: 401,
    message: 'this token has expired; come back with a new one',
  },
  bad_user_id: {
    code: 4305,
    retry: 'never',
    status: 400,
    message: 'not an id of a user: 1 to 128 letters, digits and _ . @ : + = | -',
  },
  symbol_not_permitted: {
    code: 4306,
    retry: 'never',
    status: 403,
    message: 'this user may not have the prices of this symbol',
  },
  other_user: { code: 4307, retry: 'never', status: 403, message: 'this token is of another user' },
  api_key_invalid: { code: 4330, retry: 'never', status: 401, message: 'this API key is not taken here' },
  user_required: {
    code: 4320,
    retry: 'never',
    status: 401,
    message: 'this call is for users: connect as one',
  },
  credentials_required: {
    code: 4321,
    retry: 'never',
    status: 401,
    message:
      "this call takes an API key (X-API-Key), the user's own sign-in (Authorization: Bearer TOKEN) or a session's secret (Authorization: Session SESSION:SECRET)",
  },
  bad_session: {
    code: 4322,
    retry: 'never',
    status: 401,
    message: 'there is no such session, or this is not its secret',
  },
  disconnected: {
    code: 4323,
    retry: 'never',
    status: 403,
    message: 'an operator ended the connections of this user',
  },
  store_unavailable: {
    code: 4500,
    retry: 'later',
    status: 503,
    message: 'the store of prices does not answer; try again',
  },
  no_leader: {
    code: 4501,
    retry: 'later',
    status: 503,
    message: 'no replica leads at this moment; try again',
  },
  feed_paused: {
    code: 4532,
    retry: 'later',
    status: 503,
    message: 'the feed is paused: nothing is taken until it is resumed',
  },
  pause_unconfirmed: {
    code: 4533,
    retry: 'later',
    status: 503,
    message: 'this was not confirmed in time and may have been done; call again',
  },
  draining: {
    code: 4502,
    retry: 'now',
    status: 503,
    message: 'this replica is leaving; connect again to reach another',
  },
  node_unreachable: {
    code: 4504,
    retry: 'later',
    status: 503,
    message: 'that replica does not answer; try again',
  },
  push_unconfirmed: {
    code: 4505,
    retry: 'later',
    status: 503,
    message:
      'this push was not confirmed in time and may have been counted; send it again with the same Idempotency-Key',
  },
  list_unconfirmed: {
    code: 4561,
    retry: 'later',
    status: 503,
    message:
      'this change of the list was not confirmed in time and may have been made; the same call makes sure',
  },
  sign_in_unavailable: {
    code: 4506,
    retry: 'later',
    status: 503,
    message: 'the keys that tokens are proved with cannot be had now; try again',
  },
  replicas_unreachable: {
    code: 4520,
    retry: 'later',
    status: 503,
    message: 'this replica does not reach the others at this moment, and did nothing; try again',
  },
  backend_unavailable: {
    code: 4530,
    retry: 'later',
    status: 503,
    message: 'the backend that takes this event is away, and did not get it; try again',
  },
  backend_unconfirmed: {
    code: 4531,
    retry: 'later',
    status: 502,
    message: 'the backend gave no answer that can be used, and may have taken this event',
  },
  replica_unavailable: {
    code: 4540,
    retry: 'later',
    status: 503,
    message: 'no replica answers at this moment; nothing was done, try again',
  },
  replica_lost: {
    code: 4541,
    retry: 'later',
    status: 502,
    message: 'the replica left before it answered; whether it did what was asked is not known',
  },
  replica_silent: {
    code: 4542,
    retry: 'later',
    status: 504,
    message: 'the replica did not answer in time; whether it did what was asked is not known',
  },
  internal: { code: 4503, retry: 'later', status: 500, message: 'something went wrong here; it was logged' },
} as const satisfies Record<string, Code>;

/** A refusal's name, on the wire, in figures and in the API's description. */
export type CodeName = keyof typeof codes;

/** Gives the refusal of that name; `message` says more than the code's own text where more is known. */
export function refusal(name: CodeName, message: string = codes[name].message): Refusal {
  return { code: codes[name].code, name, message, retry: codes[name].retry };
}
