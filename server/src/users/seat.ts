/** What a connection of a user takes: the words between the session, which ends who lost one, and the seats of all replicas. */

/** Why a connection is without a seat: another one came with its cid, or the user has too many. */
export type SeatLoss = 'seat_taken_over' | 'too_many_connections';

/** What is asked for a connection. */
export interface SeatRequest {
  user: string;
  /** The client's own name of its connection; null where it has none, and then it is like no other. */
  cid: string | null;
  /** Fires at most once, when the connection lost its seat: it is to be ended for that reason. */
  onLost: (why: SeatLoss) => void;
}

/** The seats of all users, over all replicas. */
export interface SeatTaker {
  /** Takes a seat; the returned function gives it back. Null where the user has too many connections. */
  take(request: SeatRequest): Promise<(() => void) | null>;
}
