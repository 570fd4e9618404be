/**
 * `POST /api/quote`: the last quote of a symbol goes over a user's own sockets, wherever they are. For a backend with an API
 * key, and for the user alone: by sign-in, or by the secret of one of its sessions. Knows no sockets. Keeps SPEC.md [QT1].
 */
import { z } from 'zod';
import type { MessageAck, Quote } from '../../protocol/index.ts';
import type { CallerOf } from './callers.ts';
import { deliveredForm, listedSymbol, symbolText, userIdForm, type WhyUnlisted } from './forms.ts';
import { jsonBody, operation, type Operation } from './operation.ts';
import { Refused } from './problem.ts';

/** Who the session is of, and whether it may see the symbol that was asked about; or why that is not known. */
export type SessionProved =
  | { at: 'proved'; user: string | null; maySee: boolean }
  /** No replica has that session with that secret, */
  | { at: 'none' }
  /** or one that may have it did not answer. */
  | { at: 'silent' };

/** What the operation asks of the replica. Where `quotes` rejects, as while the store is away, nothing is sent. */
export interface QuoteCallOptions {
  /** Says who it is that shows a session's id and secret, on whatever replica that session is. */
  proveSession: (shown: { session: string; secret: string }, symbol: string) => Promise<SessionProved>;
  whyUnlisted: WhyUnlisted;
  /** The last quotes of those that have one, in any order. */
  quotes: (symbols: readonly string[]) => readonly Quote[];
  /** Sends the quote to every session of the user, on every replica, and tells how many. */
  sendQuote: (userId: string, quote: Quote) => Promise<MessageAck>;
}

const maxBodyBytes = 4_096;

/** The operation of `/api/quote`. */
export function createQuoteOperation(options: QuoteCallOptions): Operation {
  const { proveSession, whyUnlisted, quotes, sendQuote } = options;

  async function requireOwn(caller: CallerOf<'user'>, userId: string, symbol: string): Promise<void> {
    if (caller.by === 'key') return;
    let user: string | null;
    let maySee: boolean;
    if (caller.by === 'sign-in') {
      user = caller.user;
      maySee = caller.identity.maySee(symbol);
    } else {
      const proved = await proveSession(caller, symbol);
      if (proved.at === 'silent')
        throw new Refused('node_unreachable', 'the replica of this session does not answer; try again');
      if (proved.at === 'none') throw new Refused('bad_session');
      ({ user, maySee } = proved);
    }
    if (user !== userId) throw new Refused('other_user', 'this may be called for your own user alone');
    if (!maySee) throw new Refused('symbol_not_permitted');
  }

  return operation({
    id: 'sendQuote',
    method: 'post',
    path: '/api/quote',
    summary: "Send a symbol's last quote over a user's own sockets",
    description:
      'With an API key for any user; by sign-in or with the secret of a session for its own user alone.',
    access: 'user',
    body: jsonBody(z.strictObject({ userId: userIdForm, symbol: symbolText }), maxBodyBytes),
    answers: { 200: { description: 'it was sent', schema: deliveredForm } },
    refusals: [
      'bad_symbol',
      'bad_session',
      'other_user',
      'symbol_not_permitted',
      'unknown_symbol',
      'retired',
      'no_price',
      'no_session',
      'node_unreachable',
      'replicas_unreachable',
      'store_unavailable',
    ],
    handle: async ({ caller, body: { userId, symbol: text } }) => {
      const symbol = listedSymbol(text, whyUnlisted);
      await requireOwn(caller, userId, symbol);
      const [quote] = quotes([symbol]);
      if (quote === undefined) throw new Refused('no_price', `${symbol} has no price yet`);
      const answer = await sendQuote(userId, quote);
      if (!answer.ok) throw new Refused(answer);
      const { delivered, incomplete } = answer;
      if (delivered === 0 && incomplete !== undefined)
        throw new Refused(
          'node_unreachable',
          `no session of this user was found, and ${incomplete.join(', ')} did not answer; try again`,
        );
      if (delivered === 0) throw new Refused('no_session');
      return { status: 200, body: { delivered, incomplete } };
    },
  });
}
