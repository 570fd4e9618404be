/**
 * Publishing that never throws, never rejects and never waits: what cannot be sent is counted and gone, since a
 * price that is late by an outage is worth nothing. One link for all of it, so that order is kept.
 *
 * What one event-loop turn publishes leaves as one command behind its first message: the client spends 2.4 µs on a message by
 * itself and 1.1 on one among 200, and Redis 1.3 and 1.7. The first goes by itself and at once, because the client writes in
 * the loop's next phase of immediates, in the order in which they were asked for: so the other replicas have what this turn
 * emitted before it is written to the clients of this one, which takes milliseconds.
 */
import { defineScript, isUnknownScript } from './commands.ts';
import type { Link, RedisClient } from './link.ts';

/** Where room emits and announcements leave this process. */
export interface Publisher {
  publish(channel: string, message: string | Buffer): void;
  /** Sends what waits for the end of the turn. */
  flush(): void;
  /** How many were lost since the start. */
  lost(): number;
  /** How many were lost since the last call of this. */
  takeLost(): number;
}

/** The link that all of it goes by, and when to stop waiting for Redis. */
export interface PublisherOptions {
  link: Link;
  /** Messages that may be under way at once: a Redis that hangs would otherwise fill this process with old prices. */
  maxUnderway: number;
}

/** Messages in one command, so that none holds Redis for long: it takes a third of a millisecond for them. */
const maxBatch = 200;

/** ARGV: channel and message, of each. */
const publishScript = defineScript(`
local call = redis.call
for i = 1, #ARGV, 2 do call('PUBLISH', ARGV[i], ARGV[i + 1]) end
`);

/** Makes the script known on a new connection; the link's `prepare`. Where Redis refuses that, the first batch brings its text. */
export async function preparePublishing(client: RedisClient): Promise<void> {
  await client.sendCommand(['SCRIPT', 'LOAD', publishScript.lua]).catch(() => {});
}

/** What comes while the link is not up, or beyond `maxUnderway`, is lost at once; what Redis does not take is lost later. */
export function createPublisher({ link, maxUnderway }: PublisherOptions): Publisher {
  let lost = 0;
  let taken = 0;
  let underway = 0;
  /** Channel and message of each, behind the turn's first. */
  let batch: (string | Buffer)[] = [];
  let isInTurn = false;

  function flush(): void {
    if (batch.length > 0) void send(batch);
    batch = [];
  }

  function endTurn(): void {
    isInTurn = false;
    flush();
  }

  async function send(sent: readonly (string | Buffer)[]): Promise<void> {
    const count = sent.length / 2;
    underway += count;
    try {
      await (count === 1 ? link.client.sendCommand(['PUBLISH', ...sent]) : sendMany(sent));
    } catch {
      lost += count;
    }
    underway -= count;
  }

  async function sendMany(sent: readonly (string | Buffer)[]): Promise<void> {
    try {
      await link.client.sendCommand(['EVALSHA', publishScript.sha, '0', ...sent]);
    } catch (error) {
      // Somebody emptied its scripts: nothing was published. What comes later may now come first, which seq makes harmless.
      if (!isUnknownScript(error)) throw error;
      await link.client.sendCommand(['EVAL', publishScript.lua, '0', ...sent]);
    }
  }

  return {
    publish(channel, message) {
      if (link.state().at !== 'up' || underway + batch.length / 2 >= maxUnderway) {
        lost++;
        return;
      }
      if (!isInTurn) {
        isInTurn = true;
        queueMicrotask(endTurn);
        void send([channel, message]);
        return;
      }
      batch.push(channel, message);
      if (batch.length === 2 * maxBatch) flush();
    },
    flush,
    lost: () => lost,
    takeLost() {
      const before = taken;
      taken = lost;
      return taken - before;
    },
  };
}
