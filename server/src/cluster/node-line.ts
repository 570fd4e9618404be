/**
 * Questions from one replica to others by name, over whatever brings a message to all of them. Answers come within a
 * limit or not at all. Knows neither what is asked nor who is there.
 */
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { Clock } from '../support/clock.ts';

/** Brings JSON to every other replica, at most once and not to the sender. */
export interface NodeChannel {
  send(topic: string, payload: object): void;
  onMessage(topic: string, listener: (payload: unknown) => void): void;
}

/** Answers a question by its name, given its body as JSON. What it throws is told to nobody, and the asker waits in vain. */
export type Answers = Readonly<Record<string, (body: unknown) => unknown>>;

/** What goes with a question to other replicas, and how long their answers are waited for. */
export interface AskOptions {
  /** How long to wait, in milliseconds. */
  limitMs: number;
  /** What is asked about; `undefined` where the question says it all. */
  body?: unknown;
  /** Whether no further answer is needed after this one. */
  isEnough?: (answer: unknown) => boolean;
}

/** Asks other replicas. Never rejects: who does not answer is not among the answers. */
export interface NodeLine {
  /** Resolves with the answers by node, once all of `nodes` have answered, one was enough, or `limitMs` has passed. */
  ask(nodes: readonly string[], question: string, options: AskOptions): Promise<ReadonlyMap<string, unknown>>;
  /** That node is there no more: its answers are not waited for. */
  forget(node: string): void;
}

interface NodeLineOptions {
  node: string;
  channel: NodeChannel;
  clock: Clock;
  answers: Answers;
  onError: (error: unknown) => void;
}

const askSchema = z.object({
  id: z.string(),
  to: z.array(z.string()),
  question: z.string(),
  body: z.unknown().optional(),
});
const answerSchema = z.object({ id: z.string(), node: z.string(), answer: z.unknown() });

interface Pending {
  waitingFor: Set<string>;
  answers: Map<string, unknown>;
  isEnough: (answer: unknown) => boolean;
  finish: () => void;
}

/** Answers the others from now on. */
export function createNodeLine({ node, channel, clock, answers, onError }: NodeLineOptions): NodeLine {
  const pending = new Map<string, Pending>();

  channel.onMessage('ask', (payload) => {
    const { id, to, question, body } = askSchema.parse(payload);
    const answer = Object.hasOwn(answers, question) ? answers[question] : undefined;
    if (!to.includes(node) || answer === undefined) return;
    Promise.resolve()
      .then(() => answer(body))
      .then((given) => channel.send('answer', { id, node, answer: given }))
      .catch(onError);
  });

  channel.onMessage('answer', (payload) => {
    const { id, node: from, answer } = answerSchema.parse(payload);
    const asked = pending.get(id);
    if (asked === undefined || !asked.waitingFor.delete(from)) return;
    asked.answers.set(from, answer);
    if (asked.waitingFor.size === 0 || asked.isEnough(answer)) asked.finish();
  });

  return {
    forget: (gone) => {
      for (const { waitingFor, finish } of pending.values())
        if (waitingFor.delete(gone) && waitingFor.size === 0) finish();
    },
    ask: (nodes, question, { limitMs, body, isEnough = () => false }) =>
      new Promise((resolve) => {
        const given = new Map<string, unknown>();
        if (nodes.length === 0) {
          resolve(given);
          return;
        }
        const id = randomUUID();
        const finish = (): void => {
          cancel();
          pending.delete(id);
          resolve(given);
        };
        const cancel = clock.after(limitMs, finish);
        pending.set(id, { waitingFor: new Set(nodes), answers: given, isEnough, finish });
        channel.send('ask', { id, to: nodes, question, body });
      }),
  };
}
