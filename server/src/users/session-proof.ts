/**
 * Proves that a caller is a session, which may live on any replica: by the id and the secret that its `hello` told it. What
 * goes between replicas is the secret's digest. Knows no HTTP and no sockets. Keeps SPEC.md [QT1].
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import type { Identity } from './identity.ts';
import { answerLimitMs, type Others } from './others.ts';

/** What the caller shows. */
export interface ShownProof {
  session: string;
  secret: string;
}

const provedSchema = z.object({ user: z.string().nullable(), maySee: z.boolean() });

/** Who the session is of, and whether it may see the symbol that was asked about. */
export type Proved = z.output<typeof provedSchema>;

/** `none`: no replica has that session with that secret. `silent`: none that answered has, and one did not answer. */
export type ProofOutcome = ({ at: 'proved' } & Proved) | { at: 'none' } | { at: 'silent' };

/** Where sessions are looked for: here first, by `find`, which gives null where there is none; then on the others. */
export interface SessionProofOptions {
  others: Others;
  /** The session of that id on this replica. */
  find: (session: string) => { secret: string; identity: Identity } | null;
}

/** Asks the others only where the session is not here, for half a second at most. A wrong secret is no session. */
export interface SessionProof {
  prove(shown: ShownProof, symbol: string): Promise<ProofOutcome>;
  /** What the other replicas ask of this one. */
  readonly answers: { prove(body: unknown): Proved | null };
}

const askedSchema = z.object({ session: z.string(), digest: z.string(), symbol: z.string() });

const digestOf = (secret: string): Buffer => createHash('sha256').update(secret).digest();

/** Compares digests in a time that tells nothing of the secret; no replica sends one to another. */
export function createSessionProof({ others, find }: SessionProofOptions): SessionProof {
  function proveHere({ session, digest, symbol }: z.output<typeof askedSchema>): Proved | null {
    const found = find(session);
    const shown = Buffer.from(digest, 'base64url');
    const isIts = found !== null && shown.length === 32 && timingSafeEqual(digestOf(found.secret), shown);
    return isIts ? { user: found.identity.user, maySee: found.identity.maySee(symbol) } : null;
  }

  return {
    prove: async ({ session, secret }, symbol) => {
      const body = { session, digest: digestOf(secret).toString('base64url'), symbol };
      const here = proveHere(body);
      if (here !== null) return { at: 'proved', ...here };
      if (!others.isReachable()) return { at: 'silent' };
      const { answers, silent } = await others.ask('prove', {
        body,
        limitMs: answerLimitMs,
        isEnough: (answer) => answer !== null,
      });
      const proved = answers.find((answer) => answer !== null);
      if (proved !== undefined) return { at: 'proved', ...provedSchema.parse(proved) };
      return silent.length > 0 ? { at: 'silent' } : { at: 'none' };
    },
    answers: { prove: (body) => proveHere(askedSchema.parse(body)) },
  };
}
