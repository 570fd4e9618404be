/**
 * Lines that wait for their turn: those of one turn of the event loop go together and in order, one batch after the other,
 * and what is beyond a bound is dropped and counted. Knows nothing of where lines go.
 */

/** Where lines go; never waits and never throws. */
export interface LineWriter {
  /** The line with its end. */
  write(line: string): void;
  /** How many lines were lost since the start. */
  dropped(): number;
  /** Tries once more what waits; for the end of a process. */
  flush(): void;
}

/** How much may wait, and who takes it: `send` has one batch at a time, and gets the next once it called back. */
export interface LineQueueOptions {
  /** What may wait or be underway, in bytes of UTF-8. */
  maxBytes: number;
  /** Takes a batch of whole lines, and calls back later, once, with how many of them were lost. */
  send: (lines: string, onDone: (lost: number) => void) => void;
  /** The same at the end of a process, at once: gives how many were lost. What `send` has is its own to end. */
  sendNow: (lines: string) => number;
}

/** Sends at the end of the turn. A line that does not fit is lost, not those that wait before it. */
export function createLineQueue({ maxBytes, send, sendNow }: LineQueueOptions): LineWriter {
  let waiting: string[] = [];
  let waitingBytes = 0;
  let underwayBytes = 0;
  let isPlanned = false;
  let dropped = 0;

  function take(): string {
    const lines = waiting.join('');
    waiting = [];
    waitingBytes = 0;
    return lines;
  }

  function sendWaiting(): void {
    if (waiting.length === 0 || underwayBytes > 0) return;
    underwayBytes = waitingBytes;
    send(take(), (lost) => {
      dropped += lost;
      underwayBytes = 0;
      sendWaiting();
    });
  }

  return {
    write(line) {
      const bytes = Buffer.byteLength(line);
      if (waitingBytes + underwayBytes + bytes > maxBytes) {
        dropped++;
        return;
      }
      waiting.push(line);
      waitingBytes += bytes;
      if (isPlanned || underwayBytes > 0) return;
      isPlanned = true;
      // In order also where the process ends in this turn.
      setImmediate(() => {
        isPlanned = false;
        sendWaiting();
      });
    },
    dropped: () => dropped,
    flush() {
      if (waiting.length > 0) dropped += sendNow(take());
    },
  };
}

/** The byte that ends a line. */
export const lineEnd = 0x0a;

/** How many lines end in those bytes. */
export function linesIn(bytes: Buffer): number {
  let lines = 0;
  for (let at = bytes.indexOf(lineEnd); at !== -1; at = bytes.indexOf(lineEnd, at + 1)) lines++;
  return lines;
}

/** How many bytes the whole lines have that fit into so many. */
export function wholeLines(bytes: Buffer, maxBytes: number): number {
  return maxBytes <= 0 ? 0 : bytes.lastIndexOf(lineEnd, maxBytes - 1) + 1;
}
