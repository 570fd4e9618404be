/** One direction of a proxied TCP connection: bytes in order, later, slower, held back or lost. Knows no peer's protocol. */
import type { Socket } from 'node:net';

/** What one direction suffers. All three at once are possible. */
export interface FlowFault {
  /** Each byte comes this much later; the order stays. */
  delayMs: number;
  /** At most so many bytes a second; null for no limit. */
  bytesPerSecond: number | null;
  /**
   * `hold` reads no more, so that the sender's own buffers fill up; `swallow` reads and loses; `starve` loses all but pieces as
   * small as the answer to a ping, so that the link looks alive.
   */
  passing: 'pass' | 'hold' | 'swallow' | 'starve';
}

/** One direction, until `close`; sound at first. */
export interface Flow {
  /** Adds to what it suffers now. */
  suffer(fault: Partial<FlowFault>): void;
  heal(): void;
  /** Nothing passes any more. */
  close(): void;
}

/** Told of bytes as they are handed on, or lost. */
export interface FlowListener {
  onPassed: (bytes: number) => void;
  onSwallowed: (bytes: number) => void;
}

const sound: FlowFault = { delayMs: 0, bytesPerSecond: null, passing: 'pass' };
/** A throttled flow passes a piece this often. */
const sliceMs = 20;
/** What waits here at most, before the sender is held back; more with a delay, since that is the line's own length. */
const maxQueued = { plain: 16_384, delayed: 4_194_304 };

/** `+PONG` and the like. */
const maxStarved = 64;

/** `data` is null for the end of the stream. */
interface Piece {
  data: Buffer | null;
  dueAt: number;
}

/** Hands on what comes from `from` to `into`, its end included. */
export function createFlow(from: Socket, into: Socket, { onPassed, onSwallowed }: FlowListener): Flow {
  let fault = sound;
  let queue: Piece[] = [];
  let queued = 0;
  let closed = false;
  let draining = false;
  let timer: NodeJS.Timeout | null = null;
  /** Bytes that may pass now, and when that was said. */
  let credit = 0;
  let creditAt = performance.now();

  function push(data: Buffer | null): void {
    if (closed) return;
    const { passing } = fault;
    const lost = passing === 'swallow' || (passing === 'starve' && (data?.length ?? 0) > maxStarved);
    if (data !== null && lost) {
      onSwallowed(data.length);
      return;
    }
    queue.push({ data, dueAt: performance.now() + fault.delayMs });
    queued += data?.length ?? 0;
    pump();
  }

  /** How much of the piece may pass at this moment. */
  function allowed(length: number): number {
    const { bytesPerSecond } = fault;
    if (bytesPerSecond === null) return length;
    const now = performance.now();
    const slice = Math.max(1, (bytesPerSecond * 2 * sliceMs) / 1_000);
    credit = Math.min(slice, credit + ((now - creditAt) * bytesPerSecond) / 1_000);
    creditAt = now;
    return Math.min(length, Math.floor(credit));
  }

  function again(ms: number): void {
    timer ??= setTimeout(() => {
      timer = null;
      pump();
    }, ms);
  }

  function pump(): void {
    while (!closed && !draining && fault.passing !== 'hold') {
      const [piece] = queue;
      if (piece === undefined) break;
      const waitMs = piece.dueAt - performance.now();
      if (waitMs > 0) {
        again(Math.ceil(waitMs));
        break;
      }
      if (piece.data === null) {
        queue.shift();
        into.end();
        break;
      }
      const bytes = allowed(piece.data.length);
      if (bytes === 0) {
        again(sliceMs);
        break;
      }
      if (bytes === piece.data.length) queue.shift();
      const now = piece.data.subarray(0, bytes);
      piece.data = piece.data.subarray(bytes);
      queued -= bytes;
      if (fault.bytesPerSecond !== null) credit -= bytes;
      onPassed(bytes);
      draining = !into.write(now);
    }
    const limit = fault.delayMs > 0 ? maxQueued.delayed : maxQueued.plain;
    if (closed || fault.passing === 'hold' || queued > limit) from.pause();
    else from.resume();
  }

  function enter(next: FlowFault): void {
    // What waits was promised to the swallower.
    if (next.passing === 'swallow') {
      onSwallowed(queued);
      queue = queue.filter(({ data }) => data === null);
      queued = 0;
    }
    if (next.delayMs < fault.delayMs) for (const piece of queue) piece.dueAt = 0;
    if (next.bytesPerSecond !== fault.bytesPerSecond) {
      credit = 0;
      creditAt = performance.now();
    }
    fault = next;
    if (timer !== null) clearTimeout(timer);
    timer = null;
    pump();
  }

  from.on('data', push);
  from.on('end', () => push(null));
  into.on('drain', () => {
    draining = false;
    pump();
  });

  return {
    suffer: (added) => enter({ ...fault, ...added }),
    heal: () => enter(sound),
    close: () => {
      closed = true;
      queue = [];
      if (timer !== null) clearTimeout(timer);
    },
  };
}
