/**
 * Who calls the API: somebody with an API key, a user who signed in, a session that shows its secret, or anybody, as far as an
 * operation lets them, and as often as they may. Knows no operation. Keeps SPEC.md [AP2], [AP3], [QT1].
 */
import type { IncomingMessage } from 'node:http';
import type { Request, Response } from 'express';
import type { Client } from '../support/client-address.ts';
import type { NamedSecret } from '../support/secret-check.ts';
import { isApiKeyName, type AuthenticateRequest, type Identity } from '../users/identity.ts';
import { createKeyCheck } from './api-key.ts';
import { createCallLimit, type CallLimitOptions, type CountedCaller } from './call-limit.ts';
import type { Gate } from './operation.ts';
import { Refused } from './problem.ts';
import { noteKey } from './request-log.ts';

/** Somebody with an API key, by the name of the key. */
interface ByKey {
  by: 'key';
  name: string;
}
/** Somebody who is taken for this user; one without a name where nobody must sign in. */
interface BySignIn {
  by: 'sign-in';
  identity: Identity;
}
/** A user who signed in. */
interface ByUser extends BySignIn {
  user: string;
}
/** A session that has yet to be proved. */
interface BySession {
  by: 'session';
  session: string;
  secret: string;
}

/** Who may make a call, and what its handler is then told of the caller. */
interface Callers {
  /** Who shows an API key. */
  key: ByKey;
  /** Who shows an API key, or may have prices. */
  reader: ByKey | BySignIn;
  /** Who shows an API key, signs in as a user, or shows a session's secret. */
  user: ByKey | ByUser | BySession;
}

/** Whom an operation lets in, as its declaration says it. */
export type Access = keyof Callers;
/** What the handler of an operation with that access is told of its caller. */
export type CallerOf<A extends Access> = Callers[A];

/** By what callers are known, and how often they may call. Without API keys nobody passes where one is asked for. */
export interface CallersOptions extends CallLimitOptions {
  apiKeys: readonly NamedSecret[];
  /** Says whose token a request shows. */
  authenticate: AuthenticateRequest;
  /** Says from which address a request comes. */
  clientOf: (request: IncomingMessage) => Client;
}

const sessionSecret = /^Session +([\w-]{1,64}):([\w-]{1,64})$/i;

/** One that is empty is one too. */
const showsKey = (req: Request): boolean => req.get('X-API-Key') !== undefined;

function refuseKeyInQuery(req: Request): void {
  if (!Object.keys(req.query).some(isApiKeyName)) return;
  throw new Refused(
    'api_key_required',
    'a key in the address is not taken, and should be taken out of use: send it in the X-API-Key header',
  );
}

/** Whom a call counts for. Whose session it is has yet to be proved. A stranger of a trusted network is counted by nobody. */
function countedFor(caller: CallerOf<Access> | null, { key, isTrusted }: Client): CountedCaller | null {
  if (caller?.by === 'key') return { kind: 'key', name: caller.name };
  if (caller?.by === 'session') return { kind: 'address', name: key };
  const user = caller?.identity.user ?? null;
  if (user !== null) return { kind: 'user', name: user };
  return isTrusted ? null : { kind: 'stranger', name: key };
}

/** Gives the gate of the API. Whoever it refuses is counted as a stranger, so that guessing is slow. */
export function createCallers(options: CallersOptions): Gate {
  const { apiKeys, authenticate, clientOf } = options;
  const takeCall = createCallLimit(options);
  const keyOf = createKeyCheck(apiKeys);

  /** Whoever shows a key is told where it is wrong, also where none is needed. */
  function byKey(req: Request, res: Response): ByKey {
    const name = keyOf(req);
    if (name !== null) return { by: 'key', name };
    res.set('WWW-Authenticate', 'ApiKey realm="tickwire"');
    throw new Refused(
      showsKey(req) ? 'api_key_invalid' : 'api_key_required',
      apiKeys.length === 0 ? 'this server has no API keys: set API_KEYS to allow this call' : undefined,
    );
  }

  async function byKeyOrReader(req: Request, res: Response): Promise<ByKey | BySignIn> {
    if (showsKey(req)) return byKey(req, res);
    return { by: 'sign-in', identity: await authenticate(req) };
  }

  async function byKeyOrUser(req: Request, res: Response): Promise<ByKey | ByUser | BySession> {
    if (showsKey(req)) return byKey(req, res);
    const [, session, secret] = sessionSecret.exec(req.get('Authorization') ?? '') ?? [];
    if (session !== undefined && secret !== undefined) return { by: 'session', session, secret };
    const identity = await authenticate(req);
    if (identity.user !== null) return { by: 'sign-in', user: identity.user, identity };
    res.set('WWW-Authenticate', 'Session realm="tickwire"');
    throw new Refused('credentials_required');
  }

  const find: { [A in Access]: (req: Request, res: Response) => Promise<CallerOf<A>> | CallerOf<A> } = {
    key: byKey,
    reader: byKeyOrReader,
    user: byKeyOrUser,
  };

  return {
    admit: async (access, req, res) => {
      const count = async (caller: CallerOf<Access> | null): Promise<void> => {
        const counted = countedFor(caller, clientOf(req));
        if (counted !== null) await takeCall(counted);
      };
      const identify = async (): Promise<CallerOf<typeof access>> => {
        refuseKeyInQuery(req);
        return find[access](req, res);
      };
      const caller = await identify().catch(async (error: unknown) => {
        // Whoever is refused has no name, and is told so only as often as a stranger may call.
        await count(null);
        throw error;
      });
      if (caller.by === 'key') noteKey(res, caller.name);
      await count(caller);
      return caller;
    },
  };
}
