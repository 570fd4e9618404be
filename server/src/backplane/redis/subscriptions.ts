/**
 * The channels that this process listens to, kept across reconnects. The client restores subscriptions that Redis had confirmed.
 * This file restores those that were asked for while the connection was down or was lost.
 */
import type { Log } from '../../support/log.ts';
import type { RedisClient } from './link.ts';

/** Gets what was published, and the channel, which tells more if a pattern matched. */
export type MessageListener = (message: Buffer, channel: Buffer) => void;

/** What this process wants to hear, until the link closes. */
export interface Subscriptions {
  /** Listens to a channel, or to all that match a pattern. An error of the listener is logged. */
  add(kind: 'channel' | 'pattern', name: string, listener: MessageListener): void;
  /** Resolves when all that was added is confirmed on the current connection; the link's `prepare`. */
  place(client: RedisClient): Promise<void>;
}

interface Subscription {
  kind: 'channel' | 'pattern';
  name: string;
  listener: MessageListener;
  /** Null while nothing is under way; resolves once confirmed, after which the client keeps it. */
  placing: Promise<unknown> | null;
}

/** `client` gives the link's client while the link is connected, else null. */
export function createSubscriptions({
  client,
  log,
}: {
  client: () => RedisClient | null;
  log: Log;
}): Subscriptions {
  const wanted: Subscription[] = [];

  function placeOne(redis: RedisClient, subscription: Subscription): Promise<unknown> {
    const { kind, name, listener } = subscription;
    const method = kind === 'channel' ? 'subscribe' : 'pSubscribe';
    return (subscription.placing ??= redis[method](name, listener, true).catch((error: unknown) => {
      subscription.placing = null;
      throw error;
    }));
  }

  return {
    add(kind, name, listen) {
      const listener: MessageListener = (message, channel) => {
        try {
          listen(message, channel);
        } catch (error) {
          log.error({ err: error, channel: name }, 'a message from redis could not be handled');
        }
      };
      const subscription: Subscription = { kind, name, listener, placing: null };
      wanted.push(subscription);
      const redis = client();
      if (redis === null) return;
      placeOne(redis, subscription).catch((error: unknown) => {
        log.warn({ err: error, channel: name }, 'a subscription failed; it comes with the next connection');
      });
    },
    async place(redis) {
      for (const subscription of wanted) await placeOne(redis, subscription);
    },
  };
}
