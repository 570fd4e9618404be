/**
 * How much may be on its way to one client: what it showed that it takes in half a second. TCP alone does not say, as the
 * kernels on the way hold megabytes; a WebSocket ping written behind the ticks does, because every client answers it when
 * it has read them, and its answer stands for all before it. Knows no sockets. SPEC.md [SL1].
 */

/** A client that has shown nothing yet: one second of a reader of 20 KB/s, and 50 KB/s for one 400 ms away. */
const initialBytes = 20_480;
/** Even the slowest gets this much at once: 0.4 s of a reader of 20 KB/s. */
const minBytes = 8_192;
/** What one quick answer can prove. More takes throughput. */
const maxPaceBytes = 131_072;
/** Throughput is counted over this long, in milliseconds. */
const spanMs = 500;
/**
 * How much of the window may be written before a client is asked again: so much that its answer comes before the window is full,
 * and not less, as reading a pong costs as much as several writes (bench: 100 symbols). The later it answers the sooner it is asked.
 */
const latestShare = 0.8;
const leastShare = 1 / 8;
const minPingBytes = 2_048;

interface Ping {
  id: number;
  /** Bytes written before it. */
  position: number;
  at: number;
  /** Of these, how many were on their way when it was written. */
  ahead: number;
}

/** Instants are milliseconds of the monotonic clock. */
export class AckWindow {
  #written = 0;
  #acked = 0;
  #limit = initialBytes;
  #pingedAt = 0;
  /** Nobody is quick before the first answer. */
  #answerMs = Infinity;
  #pings: Ping[] = [];
  /** What was acknowledged when: the throughput is counted from the first mark. */
  #markAt = 0;
  #markAcked = 0;
  #nextMarkAt = 0;
  #nextMarkAcked = 0;

  /** Bytes that may be on their way. */
  get limit(): number {
    return this.#limit;
  }

  get inFlight(): number {
    return this.#written - this.#acked;
  }

  fits(bytes: number): boolean {
    return this.#written - this.#acked + bytes <= this.#limit;
  }

  wrote(bytes: number): void {
    this.#written += bytes;
  }

  /** Whether enough was written behind the last ping, or as much as the last time, `bytes`, would not fit any more. */
  wantsPing(bytes: number): boolean {
    const since = this.#written - this.#pingedAt;
    const share = Math.max(latestShare - this.#answerMs / spanMs, leastShare);
    return since >= Math.max(this.#limit * share, minPingBytes) || since + bytes > this.#limit;
  }

  isAsked(): boolean {
    return this.#pings.length > 0;
  }

  /** A ping of that name goes out now, behind all that was written. */
  pinged(id: number, now: number): void {
    this.#pings.push({ id, position: this.#written, at: now, ahead: this.#written - this.#acked });
    this.#pingedAt = this.#written;
  }

  /** Takes the answer to the ping of that name; false where none of that name is out. */
  answered(id: number, now: number): boolean {
    const index = this.#pings.findIndex((ping) => ping.id === id);
    const ping = this.#pings[index];
    if (ping === undefined) return false;
    this.#pings.splice(0, index + 1);
    const { position } = ping;
    this.#acked = position;
    this.#answerMs = now - ping.at;
    if (now - this.#nextMarkAt >= spanMs / 2) {
      this.#markAt = this.#nextMarkAt;
      this.#markAcked = this.#nextMarkAcked;
      this.#nextMarkAt = now;
      this.#nextMarkAcked = position;
    }
    const throughput = ((position - this.#markAcked) * spanMs) / Math.max(now - this.#markAt, spanMs);
    const pace = Math.min((ping.ahead * spanMs) / Math.max(this.#answerMs, 1), maxPaceBytes);
    // Who answers within the span takes what it is sent, as far as pace can prove. One late answer is no slow client: at most half of it is lost.
    const kept = this.#answerMs <= spanMs ? Math.min(this.#limit, maxPaceBytes) : this.#limit / 2;
    this.#limit = Math.max(minBytes, throughput, pace, kept);
    return true;
  }

  /** When the oldest ping without an answer was written; null where all were answered. */
  oldestPingAt(): number | null {
    return this.#pings[0]?.at ?? null;
  }
}
