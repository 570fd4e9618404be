/** Publishing on the connection of the commands, within bounds of its own: however much is published, commands have room. */
import { BackplaneUnavailable } from '../contract.ts';
import type { Link } from './link.ts';

/** Where room emits and messages between replicas leave this process, in their order. */
export interface Publisher {
  /** Gives how many connections received it. Rejects with `BackplaneUnavailable`. On its way when this returns. */
  send(channel: string, message: string | Buffer): Promise<number>;
  /** Never throws, never rejects and never waits: a message that cannot be sent is counted and lost. */
  publish(channel: string, message: string | Buffer): void;
  /** How many were lost since the start. */
  lost(): number;
}

/** Messages that may be under way at once. The link must have room for as many, beside the commands of others. */
export const maxPublishesQueued = 5_000;
/** The bytes of those messages: an append behind them must still be answered in time. */
export const maxPublishedBytes = 8_388_608;

/** A message is refused while the link is not up, and if too many are under way. */
export function createPublisher(link: Pick<Link, 'client' | 'state'>): Publisher {
  let lost = 0;
  let underway = 0;
  let bytes = 0;

  async function send(channel: string, message: string | Buffer): Promise<number> {
    if (link.state().at !== 'up') throw new BackplaneUnavailable('the link to Redis is down');
    if (underway >= maxPublishesQueued || bytes >= maxPublishedBytes)
      throw new BackplaneUnavailable('too many messages are under way');
    const { length } = message;
    underway++;
    bytes += length;
    try {
      return Number(await link.client.sendCommand(['PUBLISH', channel, message]));
    } catch (cause) {
      throw new BackplaneUnavailable('a message was not published', { cause });
    } finally {
      underway--;
      bytes -= length;
    }
  }

  return {
    send,
    publish: (channel, message) => {
      send(channel, message).catch(() => lost++);
    },
    lost: () => lost,
  };
}
