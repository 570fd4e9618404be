/**
 * Messages to users, wherever their sessions are: every replica delivers to its own and tells how many they were. Counts are
 * of that moment, and no list of who is where is kept that could be wrong. Knows no sockets. Keeps SPEC.md [MS1] to [MS5].
 */
import { z } from 'zod';
import { refusal, type MessageAck, type MessageRequest, type Recipients } from '../../protocol/index.ts';
import type { Clock } from '../support/clock.ts';
import { answerLimitMs, type Others } from './others.ts';

/** An event on its way to those that it is for. */
export interface Message {
  to: Recipients;
  /** A name that was checked. */
  event: string;
  /** JSON. */
  data: unknown;
}

/** Who sent a message: one of the users, a caller of the API, or a caller who asked for a quote. */
export type MessageKind = 'user' | 'api' | 'quote';

/** How a message gets to the sessions of this replica and to the others, and who counts it. */
export interface MessagesOptions {
  clock: Pick<Clock, 'now'>;
  others: Others;
  /** Each delivers to its sessions on this replica and gives how many they were. */
  outlets: readonly ((message: Message) => number)[];
  /** Fires for each message that this replica took, once it was answered; `isComplete` where every replica answered. */
  onSent: (kind: MessageKind, isComplete: boolean) => void;
  /** Fires with the number of sessions of this replica that a message went to. */
  onDelivered: (sessions: number) => void;
}

/** Resolves with how many sessions a message was written to, read or not; where it is refused, it went to none. */
export interface Messages {
  send(kind: MessageKind, message: Message): Promise<MessageAck>;
  /** Sends what one user wrote to another. */
  sendFrom(user: string, request: MessageRequest): Promise<MessageAck>;
  /** What the other replicas ask of this one. */
  readonly answers: { deliver(body: unknown): number };
}

const messageSchema = z.object({
  to: z.union([
    z.object({ userId: z.string() }),
    z.object({ symbol: z.string() }),
    z.object({ all: z.literal(true) }),
  ]),
  event: z.string(),
  data: z.unknown(),
});

/** Delivers here while the others are asked; who does not answer within half a second is named in `incomplete`. */
export function createMessages({ clock, others, outlets, onSent, onDelivered }: MessagesOptions): Messages {
  function deliverHere(message: Message): number {
    const count = outlets.reduce((sum, deliver) => sum + deliver(message), 0);
    onDelivered(count);
    return count;
  }

  async function send(kind: MessageKind, message: Message): Promise<MessageAck> {
    if (!others.isReachable()) return { ok: false, ...refusal('replicas_unreachable') };
    const asked = others.ask('deliver', { body: message, limitMs: answerLimitMs });
    const here = deliverHere(message);
    const { answers, silent } = await asked;
    onSent(kind, silent.length === 0);
    const delivered = answers.reduce<number>((sum, count) => sum + z.number().parse(count), here);
    return { ok: true, delivered, ...(silent.length > 0 && { incomplete: silent }) };
  }

  return {
    send,
    sendFrom: (user, { recipient, content }) =>
      send('user', {
        to: { userId: recipient },
        event: 'message',
        data: { from: user, content, at: clock.now() },
      }),
    answers: { deliver: (body) => deliverHere(messageSchema.parse(body)) },
  };
}
