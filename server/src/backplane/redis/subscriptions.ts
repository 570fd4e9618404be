/**
 * The channels that this process listens to, kept across reconnects. The client puts back what Redis had confirmed;
 * what was asked for while the link was down or broke on the way is put in place here, so that nothing is forgotten.
 */
import type { Log } from '../../support/log.ts';
import type { RedisClient } from './link.ts';

/** Gets what was published, and the channel, which tells more where a pattern matched. */
export type MessageListener = (message: Buffer, channel: Buffer) => void;

/** What this process wants to hear. */
export interface Subscriptions {
  /** Listens to a channel, or to all that match a pattern, until the returned function is called. */
  add(kind: 'channel' | 'pattern', name: string, listener: MessageListener): () => void;
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
  const wanted = new Set<Subscription>();
  /** Ended here, but perhaps not yet in Redis, which would count us among the listeners of a leader's channel. */
  const ended = new Set<Subscription>();

  function placeOne(redis: RedisClient, subscription: Subscription): Promise<unknown> {
    const { kind, name, listener } = subscription;
    const method = kind === 'channel' ? 'subscribe' : 'pSubscribe';
    return (subscription.placing ??= redis[method](name, listener, true).catch((error: unknown) => {
      subscription.placing = null;
      throw error;
    }));
  }

  /** Never rejects: where the link breaks meanwhile the client keeps the channel, and the next connection ends it. */
  async function end(redis: RedisClient, subscription: Subscription): Promise<void> {
    const { kind, name, listener } = subscription;
    try {
      await redis[kind === 'channel' ? 'unsubscribe' : 'pUnsubscribe'](name, listener, true);
      ended.delete(subscription);
    } catch (error) {
      log.debug({ err: error, channel: name }, 'an unsubscription failed; it comes with the next connection');
    }
  }

  function remove(subscription: Subscription): void {
    if (!wanted.delete(subscription)) return;
    ended.add(subscription);
    const redis = client();
    if (redis !== null) void end(redis, subscription);
  }

  return {
    add(kind, name, listen) {
      const listener: MessageListener = (message, channel) => {
        if (!wanted.has(subscription)) return;
        try {
          listen(message, channel);
        } catch (error) {
          log.error({ err: error, channel: name }, 'a message from redis could not be handled');
        }
      };
      const subscription: Subscription = { kind, name, listener, placing: null };
      wanted.add(subscription);
      const redis = client();
      if (redis !== null) {
        placeOne(redis, subscription).catch((error: unknown) => {
          log.warn({ err: error, channel: name }, 'a subscription failed; it comes with the next connection');
        });
      }
      return () => remove(subscription);
    },
    async place(redis) {
      for (const subscription of ended) await end(redis, subscription);
      for (const subscription of wanted) await placeOne(redis, subscription);
    },
  };
}
