/**
 * Publishing that never throws, never rejects and never waits: what cannot be sent is counted and gone, since a
 * price that is late by an outage is worth nothing. One link for all of it, so that order is kept.
 */
import type { Link } from './link.ts';

/** Where room emits and announcements leave this process. */
export interface Publisher {
  publish(channel: string, message: string | Buffer): void;
  /** How many were lost since the last call of this. */
  takeLost(): number;
}

/** The link should bound its queue: a Redis that hangs would otherwise fill this process with old prices. */
export function createPublisher(link: Link): Publisher {
  let lost = 0;
  const count = (): void => void lost++;
  return {
    publish(channel, message) {
      if (link.state().at === 'up') link.client.sendCommand(['PUBLISH', channel, message]).catch(count);
      else lost++;
    },
    takeLost() {
      const taken = lost;
      lost = 0;
      return taken;
    },
  };
}
