/** Messages between replicas, by topic. A home carries them; this part gives each one to its listeners. */
import { z } from 'zod';
import type { Log } from '../support/log.ts';
import type { Message, Messages } from './contract.ts';

/** How a home carries messages. */
export interface MessagesOptions {
  /** Names this process; no other one, before or beside it, has the name. */
  self: string;
  log: Log;
  sendAll: (message: Message) => void;
  sendTo: (node: string, message: Message) => Promise<boolean>;
}

const messageSchema = z.object({ from: z.string(), topic: z.string(), payload: z.unknown() });

/** The home calls `receive` with each message that arrives. A message that a listener does not understand is logged and dropped. */
export function createMessages(options: MessagesOptions): Messages & { receive(message: unknown): void } {
  const { self, log, sendAll, sendTo } = options;
  const listeners = new Map<string, ((payload: unknown, isOwn: boolean) => void)[]>();

  return {
    sendAll: (topic, payload) => sendAll({ from: self, topic, payload }),
    sendTo: (node, topic, payload) => sendTo(node, { from: self, topic, payload }),
    onMessage: (topic, listener) => {
      listeners.set(topic, [...(listeners.get(topic) ?? []), listener]);
    },
    receive: (message) => {
      try {
        const { from, topic, payload } = messageSchema.parse(message);
        for (const listener of listeners.get(topic) ?? []) listener(payload, from === self);
      } catch (error) {
        log.warn({ err: error }, 'A message of another replica was not understood.');
      }
    },
  };
}
