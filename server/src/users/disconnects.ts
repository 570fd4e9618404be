/** Ends a user's sessions, wherever they are: every replica ends its own and tells how many they were. Knows no sockets. Keeps SPEC.md [US2]. */
import { z } from 'zod';
import { refusal, type Refusal } from '../../protocol/index.ts';
import { answerLimitMs, type Others } from './others.ts';

/** Where a user's sessions are: on the other replicas, and on this one. */
export interface DisconnectsOptions {
  others: Others;
  /** Ends every session of the user on this replica and gives how many they were. */
  disconnectHere: (user: string) => number;
}

/** Ends sessions on every replica, or on none where the others cannot be reached: then it is refused. */
export interface Disconnects {
  /** `incomplete` are the replicas that did not answer in time, by name. */
  disconnect(
    user: string,
  ): Promise<{ ok: true; disconnected: number; incomplete?: string[] } | ({ ok: false } & Refusal)>;
  /** What the other replicas ask of this one. */
  readonly answers: { disconnect(body: unknown): number };
}

const askedSchema = z.object({ user: z.string() });

/** Asks the others before it ends its own, so that all do it at once, and waits for half a second at most. */
export function createDisconnects({ others, disconnectHere }: DisconnectsOptions): Disconnects {
  return {
    disconnect: async (user) => {
      // Half of a user's sessions are no answer to an operator.
      if (!others.isReachable()) return { ok: false, ...refusal('replicas_unreachable') };
      const asked = others.ask('disconnect', { body: { user }, limitMs: answerLimitMs });
      const here = disconnectHere(user);
      const { answers, silent } = await asked;
      const disconnected = answers.reduce<number>((sum, count) => sum + z.number().parse(count), here);
      return { ok: true, disconnected, ...(silent.length > 0 && { incomplete: silent }) };
    },
    answers: { disconnect: (body) => disconnectHere(askedSchema.parse(body).user) },
  };
}
