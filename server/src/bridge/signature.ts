/** How a backend knows that a request is ours, and how old it is. SPEC.md [BR3]. */
import { createHmac } from 'node:crypto';

/** The header of a request that carries its signature, in lower case as Node has it. */
export const signatureHeader = 'tickwire-signature';

/**
 * Gives `t=SECONDS,v1=HEX`: the epoch second, and HMAC-SHA-256 with the secret over that second as text, a dot and the body,
 * in UTF-8.
 */
export function signatureOf({ secret, body, now }: { secret: string; body: string; now: number }): string {
  const second = Math.floor(now / 1_000);
  const digest = createHmac('sha256', secret).update(`${second}.${body}`).digest('hex');
  return `t=${second},v1=${digest}`;
}
