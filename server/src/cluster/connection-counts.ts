/**
 * How many connections there are on all replicas, by replica, symbol, rate and user: each counts for itself when somebody asks.
 * Knows no sockets. Keeps SPEC.md [AP4].
 */
import { z } from 'zod';
import type { AskOptions, OthersAnswers } from '../backplane/contract.ts';
import { byNode } from './nodes.ts';

const countsSchema = z.object({
  node: z.string(),
  connections: z.int(),
  /** Of no user. */
  anonymous: z.int(),
  /** Connections that have each symbol, by their rate (`everyMs`). */
  symbols: z.record(z.string(), z.record(z.string(), z.int())),
  /** Connections of each user that has any; a list, as an id may be a name on a prototype. */
  users: z.array(z.tuple([z.string(), z.int()])),
});

/** What one replica counted of its own connections, as it goes over the wire between replicas. */
export type NodeConnections = z.output<typeof countsSchema>;

/** What is counted here, and how others are asked for theirs. */
export interface ConnectionCountsOptions {
  node: string;
  /** Those of this replica at this moment; `users` in any order. */
  connections: () => Omit<NodeConnections, 'node' | 'users'> & { users: ReadonlyMap<string, number> };
  ask: (question: string, options: AskOptions) => Promise<OthersAnswers>;
}

/** The count, and this replica's part in the counts of others. */
export interface ConnectionCounts {
  /** This replica first, then the others by name; `incomplete` names those that did not answer in time. Of one user alone where it is given. */
  count(user?: string): Promise<{ nodes: NodeConnections[]; incomplete: string[] }>;
  /** What the other replicas ask of this one. */
  readonly answers: { connections(body: unknown): NodeConnections };
}

/** How long another replica may take to answer, in milliseconds. */
const limitMs = 1_000;
const askedSchema = z.object({ user: z.string().optional() });

/** Counts nothing before somebody asks. */
export function createConnectionCounts({
  node,
  connections,
  ask,
}: ConnectionCountsOptions): ConnectionCounts {
  function countHere({ user }: z.output<typeof askedSchema>): NodeConnections {
    const { users, ...counts } = connections();
    const listed = [...users].filter(([name]) => user === undefined || name === user);
    return { node, ...counts, users: listed };
  }

  return {
    count: async (user) => {
      const body = user === undefined ? {} : { user };
      const { answers, silent } = await ask('connections', { body, limitMs });
      const others = answers.map((answer) => countsSchema.parse(answer));
      others.sort(byNode);
      return { nodes: [countHere(body), ...others], incomplete: silent };
    },
    answers: { connections: (body) => countHere(askedSchema.parse(body)) },
  };
}
