/** Lines to several places at once: what one of them loses, another may have. */
import type { LineWriter } from './line-queue.ts';

/** Counts a line as often as it was lost. */
export function tee(writers: readonly LineWriter[]): LineWriter {
  return {
    write(line) {
      for (const writer of writers) writer.write(line);
    },
    dropped: () => writers.reduce((sum, writer) => sum + writer.dropped(), 0),
    flush() {
      for (const writer of writers) writer.flush();
    },
  };
}
