/**
 * `POST /api/message`: a backend sends an event to a user's sessions, to those that have a symbol, or to all, wherever they
 * are. Knows no sockets and no other replica. Keeps SPEC.md [MS3], [MS4].
 */
import { z } from 'zod';
import {
  isEventName,
  isReservedEvent,
  limits,
  type MessageAck,
  type Recipients,
} from '../../protocol/index.ts';
import { isPlainJson } from '../support/plain-json.ts';
import { deliveredForm, listedSymbol, symbolText, userIdForm, type WhyUnlisted } from './forms.ts';
import { jsonBody, operation, type Operation } from './operation.ts';
import { Refused } from './problem.ts';

/** An event with its JSON on its way to those that it is for. */
export interface ApiMessage {
  to: Recipients;
  event: string;
  data: unknown;
}

/** What the operation asks of the replica: whether a symbol is listed, and to send. */
export interface MessagesOptions {
  whyUnlisted: WhyUnlisted;
  /** Sends it on every replica and tells to how many sessions. */
  sendMessage: (message: ApiMessage) => Promise<MessageAck>;
}

const bodySchema = z
  .strictObject({
    userId: userIdForm.optional(),
    symbol: symbolText.optional(),
    all: z.literal(true, { error: 'is true where it is there' }).optional(),
    event: z
      .string({ error: 'must be the name of an event' })
      .optional()
      .meta({ description: 'the name of the event; `message` where it is absent', examples: ['order'] }),
    data: z
      .unknown()
      .refine((data) => isPlainJson(data, limits.maxDataDepth), {
        error: `has at most ${limits.maxDataDepth} lists and objects within each other`,
      })
      .meta({ description: 'any JSON; null where it is absent' })
      .optional(),
  })
  .refine(
    ({ userId, symbol, all }) => [userId, symbol, all].filter((one) => one !== undefined).length === 1,
    {
      error: 'exactly one of userId, symbol and all: true says whom the message is for',
    },
  );

type Body = z.output<typeof bodySchema>;

function recipientsOf({ userId, symbol }: Body, whyUnlisted: WhyUnlisted): Recipients {
  if (userId !== undefined) return { userId };
  return symbol === undefined ? { all: true } : { symbol: listedSymbol(symbol, whyUnlisted) };
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

/** Answers 200 once it is known how many sessions it went to, also where that is none. */
export function createMessageOperation({ whyUnlisted, sendMessage }: MessagesOptions): Operation {
  return operation({
    id: 'sendMessage',
    method: 'post',
    path: '/api/message',
    summary: 'Send an event to the sessions of a user, to those that have a symbol, or to all',
    access: 'key',
    body: jsonBody(bodySchema, limits.maxMessageBodyBytes),
    answers: { 200: { description: 'it was sent', schema: deliveredForm } },
    refusals: ['bad_symbol', 'reserved_event', 'unknown_symbol', 'retired', 'replicas_unreachable'],
    handle: async ({ body }) => {
      const { event, data = null } = body;
      const answer = await sendMessage({ to: recipientsOf(body, whyUnlisted), event: eventOf(event), data });
      if (!answer.ok) throw new Refused(answer);
      return { status: 200, body: { delivered: answer.delivered, incomplete: answer.incomplete } };
    },
  });
}
