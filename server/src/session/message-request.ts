/** Parses what clients send with `send_message`. Pure. SPEC.md [MS1]. */
import { z } from 'zod';
import { limits, refusal, type MessageRequest } from '../../protocol/index.ts';
import { isUserId } from '../users/identity.ts';
import type { Parsed } from './subscribe-request.ts';

const messageSchema = z.strictObject({
  recipient: z.string().refine(isUserId),
  content: z.string().min(1),
});

/** Takes `{recipient, content}`. */
export function parseMessage(payload: readonly unknown[]): Parsed<MessageRequest> {
  const parsed = messageSchema.safeParse(payload.length === 1 ? payload[0] : undefined);
  if (!parsed.success)
    return {
      ok: false,
      refusal: refusal(
        'bad_payload',
        'send_message takes one payload: {recipient, content}, the id of a user and a text',
      ),
    };
  if (parsed.data.content.length > limits.maxContentLength)
    return {
      ok: false,
      refusal: refusal('payload_too_large', `content has at most ${limits.maxContentLength} characters`),
    };
  return { ok: true, value: parsed.data };
}
