/** How much one connection may do: some at once, then so much a second. Plain numbers, no timer: thousands of them exist. */

/** A limit in tokens: whoever takes them says what a packet, a call or a KB costs. */
export interface Rate {
  perSecond: number;
  /** What may be done at once, after a time of quiet. */
  burst: number;
}

/** Full at first. Times are milliseconds on one monotonic clock. */
export class TokenBucket {
  readonly #rate: Rate;
  #tokens: number;
  #at: number;

  constructor(rate: Rate, now: number) {
    this.#rate = rate;
    this.#tokens = rate.burst;
    this.#at = now;
  }

  /** Whether nothing is missing: the bucket is as good as a new one. */
  isFull(now: number): boolean {
    return this.has(this.#rate.burst, now);
  }

  /** Whether there is as much. */
  has(cost: number, now: number): boolean {
    const { perSecond, burst } = this.#rate;
    this.#tokens = Math.min(burst, this.#tokens + ((now - this.#at) * perSecond) / 1_000);
    this.#at = now;
    return cost <= this.#tokens;
  }

  /** Takes `cost`, also if there is less: what is missing has to come back first. */
  spend(cost: number, now: number): void {
    this.has(0, now);
    this.#tokens -= cost;
  }

  /** Takes `cost` and is true; takes nothing and is false where there is not as much. */
  take(cost: number, now: number): boolean {
    if (!this.has(cost, now)) return false;
    this.#tokens -= cost;
    return true;
  }
}
