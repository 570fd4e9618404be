/** Counts the sessions of this replica and the different users that they are of. SPEC.md [CS4]. */

/** Who is at this replica at one moment; sums over replicas count a user once for each replica that has one of them. */
export interface Presence {
  connections: number;
  /** Different ones. */
  users: number;
  /** Connections of no user. */
  anonymous: number;
}

/**
 * Begins with nobody. `came` and `went` are called once each for a session, with its user's id, or null where it has
 * none.
 */
export function createPresence() {
  /** Sessions of each user that has any. */
  const byUser = new Map<string, number>();
  let connections = 0;
  let anonymous = 0;

  function add(user: string | null, by: 1 | -1): void {
    connections += by;
    if (user === null) {
      anonymous += by;
      return;
    }
    const left = (byUser.get(user) ?? 0) + by;
    if (left === 0) byUser.delete(user);
    else byUser.set(user, left);
  }

  return {
    came: (user: string | null) => add(user, 1),
    went: (user: string | null) => add(user, -1),
    /** Connections of each user that has any. */
    byUser: (): ReadonlyMap<string, number> => byUser,
    now: (): Presence => ({ connections, users: byUser.size, anonymous }),
  };
}
