/**
 * `POST /api/message`: a backend sends an event to a user's sessions, to those that have a symbol, or to all, wherever they
 * are. Knows no sockets and no other replica. Keeps SPEC.md [MS3], [MS4].
 */
/* oxlint-disable oxc/no-async-endpoint-handlers -- Express 5 hands a rejection to the error handler */
import express, { Router } from 'express';
import { z } from 'zod';
import {
  isEventName,
  isReservedEvent,
  limits,
  parseSymbol,
  type MessageAck,
  type Recipients,
} from '../../protocol/index.ts';
import { isUserId } from '../users/identity.ts';
import { requireApiKey, type ApiKey } from './api-key.ts';
import { otherMethods, Refused, sendProblem } from './problem.ts';
import { requireJson } from './require-json.ts';

/** An event with its JSON on its way to those that it is for. */
export interface ApiMessage {
  to: Recipients;
  event: string;
  data: unknown;
}

export interface MessagesOptions {
  apiKeys: readonly ApiKey[];
  /** Every symbol that is listed now. */
  symbols: () => readonly string[];
  /** Sends it on every replica and tells to how many sessions. */
  sendMessage: (message: ApiMessage) => Promise<MessageAck>;
}

const bodySchema = z.strictObject({
  userId: z.string().refine(isUserId).optional(),
  symbol: z.string().optional(),
  all: z.literal(true).optional(),
  event: z.string().optional(),
  data: z.unknown().optional(),
});

function recipientsOf(
  { userId, symbol: text, all }: z.output<typeof bodySchema>,
  listed: readonly string[],
): Recipients {
  if ([userId, text, all].filter((one) => one !== undefined).length !== 1)
    throw new Refused(
      'bad_payload',
      'exactly one of userId, symbol and all: true says whom the message is for',
    );
  if (userId !== undefined) return { userId };
  if (text === undefined) return { all: true };
  const symbol = parseSymbol(text);
  if (symbol === null) throw new Refused('bad_symbol');
  if (!listed.includes(symbol)) throw new Refused('unknown_symbol', `${symbol} is not listed here`);
  return { symbol };
}

function eventOf(event = 'message'): string {
  if (isReservedEvent(event))
    throw new Refused('reserved_event', `${event} has a meaning of its own; choose another event`);
  if (!isEventName(event))
    throw new Refused(
      'bad_payload',
      `event is a letter or _, then letters, digits and _ . : -, at most ${limits.maxEventLength} characters`,
    );
  return event;
}

/** Whether there are at most so many lists and objects within each other. */
function isWithin(levels: number, value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return true;
  return levels > 0 && Object.values(value).every((one) => isWithin(levels - 1, one));
}

function messageOf(body: unknown, listed: readonly string[]): ApiMessage {
  const parsed = bodySchema.safeParse(body);
  if (!parsed.success)
    throw new Refused(
      'bad_payload',
      'the body is {userId | symbol | all: true, event?, data}: an id of a user, a symbol, a name of an event, any JSON',
    );
  const { data = null, event } = parsed.data;
  if (!isWithin(limits.maxDataDepth, data))
    throw new Refused(
      'bad_payload',
      `data has at most ${limits.maxDataDepth} lists and objects within each other`,
    );
  return { to: recipientsOf(parsed.data, listed), event: eventOf(event), data };
}

/** The route of `/api/message`. */
export function createMessageRoute({ apiKeys, symbols, sendMessage }: MessagesOptions): Router {
  const router = Router();
  router
    .route('/api/message')
    .post(
      requireApiKey(apiKeys),
      requireJson,
      express.json({ limit: limits.maxMessageBodyBytes }),
      async (req, res) => {
        const answer = await sendMessage(messageOf(req.body, symbols()));
        if (!answer.ok) return sendProblem(res, answer);
        const { delivered, incomplete } = answer;
        res.set('Cache-Control', 'no-store').json({ delivered, incomplete });
      },
    )
    .all(otherMethods('POST'));
  return router;
}
