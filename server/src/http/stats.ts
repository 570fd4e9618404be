/**
 * `GET /api/stats/connections`: who is connected where and has what, over all replicas, for operators with an API key. Adds up
 * what each replica counted, and counts nothing itself. Keeps SPEC.md [AP4].
 */
import { z } from 'zod';
import { symbolForm, userIdForm } from './forms.ts';
import type { Vitals } from './health.ts';
import { isAlone } from './nodes.ts';
import { operation, type Operation } from './operation.ts';
import { Refused } from './problem.ts';

/** Connections that have each symbol, by their rate (`everyMs`). */
type BySymbol = Record<string, Record<string, number>>;

/** Where the counts come from; replicas that did not answer in time are in `incomplete`, by name. */
export interface StatsOptions {
  /** Of every replica that answers, the one that is asked first; of one user alone where it is given. */
  countConnections: (user?: string) => Promise<{
    nodes: readonly {
      node: string;
      connections: number;
      anonymous: number;
      symbols: BySymbol;
      /** The connections of each. */
      users: readonly (readonly [user: string, connections: number])[];
    }[];
    incomplete: readonly string[];
  }>;
  /** Called for each question; must not wait for anything. */
  vitals: () => Vitals;
}

/** Users that one answer lists. */
const maxUsersListed = 1_000;

const count = z.int().min(0);
const bySymbolForm = z.record(symbolForm, z.record(z.string(), count)).meta({
  description: 'connections that have each symbol, by the milliseconds between their ticks; 0 is each tick',
});
const anonymousForm = count.meta({ description: 'connections that are of no user' });

const statsForm = z.object({
  totals: z.object({
    connections: count,
    anonymous: anonymousForm,
    users: count.meta({ description: 'different ones; where one is asked for, that one' }),
  }),
  nodes: z.array(
    z.object({
      node: z.string(),
      connections: count,
      anonymous: anonymousForm,
      users: count.meta({ description: 'different ones; one who is on two replicas counts at both' }),
      symbols: bySymbolForm,
    }),
  ),
  symbols: bySymbolForm,
  users: z
    .array(z.object({ user: z.string(), connections: count }))
    .meta({ description: `those with the most connections first, at most ${maxUsersListed}` }),
  incomplete: z
    .array(z.string())
    .optional()
    .meta({ description: 'replicas that did not answer in time, whose connections are not counted' }),
});

function addUp(all: readonly BySymbol[]): BySymbol {
  const sums = new Map<string, Map<string, number>>();
  for (const symbols of all)
    for (const [symbol, rates] of Object.entries(symbols)) {
      const ofSymbol = sums.get(symbol) ?? new Map<string, number>();
      sums.set(symbol, ofSymbol);
      for (const [everyMs, connections] of Object.entries(rates))
        ofSymbol.set(everyMs, (ofSymbol.get(everyMs) ?? 0) + connections);
    }
  return Object.fromEntries([...sums].map(([symbol, rates]) => [symbol, Object.fromEntries(rates)]));
}

/** Counts all users and lists 1,000 of them at most. Refuses while this replica has no link to the others. */
export function createStatsOperation({ countConnections, vitals }: StatsOptions): Operation {
  return operation({
    id: 'countConnections',
    method: 'get',
    path: '/api/stats/connections',
    summary: 'The connections of all replicas',
    description:
      'By replica, by symbol and rate, and by user. Each replica counts for itself at this moment.',
    access: 'key',
    query: z.strictObject({
      user: userIdForm.optional().meta({ description: 'of the users, this one alone' }),
    }),
    answers: { 200: { description: 'what there is', schema: statsForm } },
    refusals: ['replicas_unreachable'],
    handle: async ({ query: { user } }) => {
      // Those of one replica would look like all there are.
      if (isAlone(vitals())) throw new Refused('replicas_unreachable');
      const { nodes, incomplete } = await countConnections(user);
      const byUser = new Map<string, number>();
      for (const { users } of nodes)
        for (const [name, connections] of users) byUser.set(name, (byUser.get(name) ?? 0) + connections);
      const sum = (of: 'connections' | 'anonymous'): number =>
        nodes.reduce((total, one) => total + one[of], 0);
      const users = [...byUser].toSorted(([a, some], [b, others]) => others - some || (a < b ? -1 : 1));
      return {
        status: 200,
        body: {
          totals: { connections: sum('connections'), anonymous: sum('anonymous'), users: byUser.size },
          nodes: nodes.map((one) => ({ ...one, users: one.users.length })),
          symbols: addUp(nodes.map(({ symbols }) => symbols)),
          users: users.slice(0, maxUsersListed).map(([name, connections]) => ({ user: name, connections })),
          ...(incomplete.length > 0 && { incomplete: [...incomplete] }),
        },
      };
    },
  });
}
