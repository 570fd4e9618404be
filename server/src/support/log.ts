/** The logger of one process: pino with the node's id in each line. Knows no business words. */
import { pino, type DestinationStream, type Logger } from 'pino';

export type Log = Logger;

export interface LogOptions {
  level: string;
  node: string;
  /** Where lines go; standard output by default. */
  destination?: DestinationStream;
}

/** Characters of lines that could not be written yet. */
const maxWaiting = 1_048_576;

/** Each line is one JSON object with `level` as a word, `time` in ISO form and `node`. */
export function createLog({ level, node, destination }: LogOptions): Log {
  return pino(
    {
      level,
      base: { node },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: {
        paths: ['req.headers.authorization', 'req.headers["x-api-key"]', 'req.headers.cookie'],
        censor: '[redacted]',
      },
    },
    destination ?? standardOutput(),
  );
}

/** A reader that is gone or a full disk costs lines and nothing else: they wait here up to a bound, and the rest is dropped. */
function standardOutput(): DestinationStream {
  const stream = pino.destination({ sync: false, minLength: 0, maxLength: maxWaiting });
  // Without a listener the error ends the process; what was not written is tried again with the next line.
  stream.on('error', () => {});
  return stream;
}
