/**
 * Connections that are being let in: it is known who they are of, and they have no session yet. Whoever ends a user's sessions
 * ends these too, or one that waits for its seat would outlive them. Knows neither seats nor sockets. Keeps SPEC.md [US2].
 */
import type { Refusal } from '../../protocol/index.ts';

/** Ends a connection that is being let in; false where it has gone by itself. Called at most once. */
type Refuse = (why: Refusal) => boolean;

/** Those of one replica, of Socket.IO and plain ones alike; a user is among them once for each connection. */
export interface Arrivals {
  /** Adds one of that user. The returned function is to be called once it has its session, or nobody waits for one any more. */
  add(user: string, refuse: Refuse): () => void;
  /** Refuses all of that user; gives how many they were. */
  refuse(user: string, why: Refusal): number;
}

/** Begins with nobody; who is added stays until it is refused or the function that `add` gave is called. */
export function createArrivals(): Arrivals {
  const all = new Set<{ user: string; refuse: Refuse }>();

  return {
    add: (user, refuse) => {
      const one = { user, refuse };
      all.add(one);
      return () => void all.delete(one);
    },
    refuse: (user, why) => {
      let count = 0;
      for (const one of all) if (one.user === user && all.delete(one) && one.refuse(why)) count++;
      return count;
    },
  };
}
