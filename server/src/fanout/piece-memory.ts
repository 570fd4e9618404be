/**
 * Where a group's ticks are put together: the same memory again and again, which stays in the processor's cache and leaves
 * nothing to collect. Almost every write is taken by the kernel at once; what some still wait for is left to them.
 * Knows no sockets.
 */

/** Several times what a turn makes for one group; a piece that does not fit gets memory of its own. */
const size = 65_536;

/** A replica has one, for one group at a time: `take` and write, then `release` before the next group. */
export class PieceMemory {
  #memory = Buffer.allocUnsafeSlow(size);
  /** From here on it is free between two groups. */
  #start = 0;
  #used = 0;
  #isKept = false;

  /** So many bytes, their taker's until `release`, or for good with `keep`. */
  take(bytes: number): Buffer {
    const end = this.#used + bytes;
    if (end > size) return Buffer.allocUnsafe(bytes);
    const piece = this.#memory.subarray(this.#used, end);
    this.#used = end;
    return piece;
  }

  /** What was taken since the last `release` is not written yet, and must never change. */
  keep(): void {
    this.#isKept = true;
  }

  /** What was taken and not kept may be overwritten. */
  release(): void {
    if (this.#isKept) {
      this.#start = this.#used;
      this.#isKept = false;
      if (this.#start > size / 2) {
        this.#memory = Buffer.allocUnsafeSlow(size);
        this.#start = 0;
      }
    }
    this.#used = this.#start;
  }
}
