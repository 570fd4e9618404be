/** Calls between replicas: a question goes to one replica by name, and the answer comes back to the asker. */
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { Clock } from '../support/clock.ts';
import type { Log } from '../support/log.ts';
import { BackplaneUnavailable, NobodyThere, type Calls, type Messages } from './contract.ts';

/** What calls go over. */
export interface CallsOptions {
  /** This replica's name. */
  node: string;
  messages: Messages;
  clock: Pick<Clock, 'after'>;
  log: Log;
}

const questionSchema = z.object({
  id: z.string(),
  from: z.string(),
  question: z.string(),
  body: z.unknown().optional(),
});
/** `error` is the text of what went wrong at the other replica. */
const answerSchema = z.object({
  id: z.string(),
  answer: z.unknown().optional(),
  error: z.string().optional(),
});

interface Waiting {
  node: string;
  resolve: (answer: unknown) => void;
  reject: (error: Error) => void;
}

/** Answers the others from now on. */
export function createCalls({ node, messages, clock, log }: CallsOptions): Calls {
  const answers = new Map<string, (body: unknown) => unknown>();
  const waiting = new Map<string, Waiting>();

  async function answer({ id, from, question, body }: z.output<typeof questionSchema>): Promise<void> {
    let outcome: z.output<typeof answerSchema>;
    try {
      outcome = { id, answer: await answers.get(question)?.(body) };
    } catch (error) {
      log.error({ err: error, question }, 'A question of another replica was not answered.');
      outcome = { id, error: error instanceof Error ? error.message : String(error) };
    }
    await messages.sendTo(from, 'answer', outcome);
  }

  messages.onMessage('question', (payload) => {
    answer(questionSchema.parse(payload)).catch((error: unknown) => {
      // The asker waits no longer than its limit.
      log.warn({ err: error }, 'An answer to another replica was lost.');
    });
  });
  messages.onMessage('answer', (payload) => {
    const { id, answer: given, error } = answerSchema.parse(payload);
    if (error === undefined) waiting.get(id)?.resolve(given);
    else waiting.get(id)?.reject(new Error(error));
  });

  return {
    answer: (question, given) => void answers.set(question, given),
    call: async (to, question, body, limitMs) => {
      const id = randomUUID();
      let cancel = (): void => {};
      const answered = new Promise<unknown>((resolve, reject) => {
        waiting.set(id, { node: to, resolve, reject });
        cancel = clock.after(limitMs, () =>
          reject(new BackplaneUnavailable(`${to} did not answer within ${limitMs} ms`)),
        );
      });
      const sent = messages.sendTo(to, 'question', { id, from: node, question, body }).then((isThere) => {
        if (!isThere) throw new NobodyThere(`there is no replica ${to}`);
        return answered;
      });
      try {
        return await Promise.race([answered, sent]);
      } finally {
        cancel();
        waiting.delete(id);
      }
    },
    forget: (gone) => {
      for (const one of waiting.values())
        if (one.node === gone) one.reject(new BackplaneUnavailable(`${gone} is gone`));
    },
  };
}
