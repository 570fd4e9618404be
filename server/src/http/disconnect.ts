/**
 * `POST /api/users/:id/disconnect`: ends every session of a user, wherever they are, for operators with an API key. Knows no
 * sockets and no other replica. Keeps SPEC.md [US2].
 */
import { z } from 'zod';
import type { Refusal } from '../../protocol/index.ts';
import { userIdForm } from './forms.ts';
import { operation, type Operation } from './operation.ts';
import { Refused } from './problem.ts';

/** How many sessions were ended, and which replicas did not say; or why nothing was done. */
export type DisconnectOutcome =
  | { ok: true; disconnected: number; incomplete?: string[] }
  | ({ ok: false } & Refusal);

/** What the operation hands its work to, which answers even where other replicas do not. */
export interface DisconnectOptions {
  /** Ends every session of that user on every replica. */
  disconnectUser: (user: string) => Promise<DisconnectOutcome>;
}

/** Answers 200 also for a user without sessions. Where the other replicas cannot be reached, it ends none. */
export function createDisconnectOperation({ disconnectUser }: DisconnectOptions): Operation {
  return operation({
    id: 'disconnectUser',
    method: 'post',
    path: '/api/users/{id}/disconnect',
    summary: 'End every session of a user',
    description:
      'Each gets `refused` with the code `disconnected` and is closed; its seat is free. A stock client stays away until it is told to connect again, and nothing keeps the user from that.',
    access: 'key',
    params: z.object({ id: userIdForm }),
    answers: {
      200: {
        description: 'they were ended; none where the user had none',
        schema: z.object({
          disconnected: z.int().min(0).meta({ description: 'sessions that were ended' }),
          incomplete: z
            .array(z.string())
            .optional()
            .meta({ description: 'replicas that did not answer in time, whose sessions may live on' }),
        }),
      },
    },
    refusals: ['replicas_unreachable'],
    handle: async ({ params: { id } }) => {
      const outcome = await disconnectUser(id);
      if (!outcome.ok) throw new Refused(outcome);
      return { status: 200, body: { disconnected: outcome.disconnected, incomplete: outcome.incomplete } };
    },
  });
}
