/**
 * Whether what this node tells the others would reach them, and what they tell would reach it: a message to itself over the very
 * links by which theirs come and go, which may be deaf or dumb while every command is answered.
 */
import type { Clock } from '../../support/clock.ts';
import { BackplaneUnavailable } from '../contract.ts';
import type { Publisher } from './publisher.ts';
import type { Subscriptions } from './subscriptions.ts';

interface EchoOptions {
  /** Nobody else listens there. */
  channel: string;
  publisher: Pick<Publisher, 'publish'>;
  subscriptions: Pick<Subscriptions, 'add'>;
  clock: Pick<Clock, 'after'>;
}

const deadlineMs = 1_000;

/** Listens at once. What it gives resolves with the next echo, and rejects with `BackplaneUnavailable` after a second without. */
export function createEcho({ channel, publisher, subscriptions, clock }: EchoOptions): () => Promise<void> {
  const waiting = new Set<() => void>();
  subscriptions.add('channel', channel, () => {
    for (const heard of waiting) heard();
    waiting.clear();
  });

  return () =>
    new Promise((resolve, reject) => {
      const heard = (): void => {
        cancel();
        resolve();
      };
      const cancel = clock.after(deadlineMs, () => {
        waiting.delete(heard);
        reject(new BackplaneUnavailable(`nothing comes back within ${deadlineMs} ms`));
      });
      waiting.add(heard);
      publisher.publish(channel, '');
    });
}
