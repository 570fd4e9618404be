/**
 * The token of a stream: where it comes from, and another one in time before it ends, so that the connection stays. Knows no
 * transport; one that ends in spite of it is the connection's to mend. SPEC.md [SI4], [SI7].
 */
import type { Clock } from './clock.ts';
import { isRefreshed } from './wire.ts';

/** A token, or what gives one: asked before each connection, and again before its token ends. */
export type TokenSource = string | (() => string | Promise<string>);

interface RenewalOptions {
  token: TokenSource | undefined;
  clock: Clock;
  /** Sends while the connection is live. */
  send: (name: 'refresh_token', token: string, onAnswer: (answer: unknown) => void) => void;
}

/**
 * Told of each connection of the stream. Renews where the token comes from a function and has an end; else it does
 * nothing.
 */
export interface Renewal {
  /** A connection is live, and its token ends then (epoch ms), or never. */
  connected(expiresAt: number | undefined): void;
  disconnected(): void;
}

/** How long before its end another token is asked for, in milliseconds; of a short one half of what is left. */
const leadMs = 30_000;
const shortestMs = 1_000;
/** Timers of browsers do not take more than 24 days. */
const longestMs = 86_400_000;

/** A token that cannot be renewed is tried again in half of the time that is left, and so on. */
export function createRenewal({ token, clock, send }: RenewalOptions): Renewal {
  let cancel = (): void => {};

  function schedule(expiresAt: number): void {
    cancel();
    const leftMs = expiresAt - clock.now();
    // Where this clock says that it has ended, and the connection lives, the clock is wrong.
    const inMs = leftMs <= 0 ? leadMs : Math.max(shortestMs, leftMs - Math.min(leadMs, leftMs / 2));
    let isCurrent = true;
    const cancelTimer = clock.after(Math.min(inMs, longestMs), () => {
      if (inMs > longestMs) schedule(expiresAt);
      else void renew(expiresAt, () => isCurrent);
    });
    cancel = () => {
      isCurrent = false;
      cancelTimer();
    };
  }

  async function renew(expiresAt: number, isCurrent: () => boolean): Promise<void> {
    const next = await takeToken(token).catch(() => null);
    if (!isCurrent()) return;
    schedule(expiresAt);
    if (next !== null)
      send('refresh_token', next, (answer) => isRefreshed(answer) && schedule(answer.expiresAt));
  }

  return {
    connected: (expiresAt) => {
      if (typeof token === 'function' && typeof expiresAt === 'number') schedule(expiresAt);
    },
    disconnected: () => cancel(),
  };
}

/** The token that is to be shown now; null where there is none. */
export async function takeToken(token: TokenSource | undefined): Promise<string | null> {
  return typeof token === 'function' ? token() : (token ?? null);
}
