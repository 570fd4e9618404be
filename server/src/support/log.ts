/** The logger of one process: pino with the node's id in each line. Knows no business words. */
import { pino, type DestinationStream, type Logger } from 'pino';

export type Log = Logger;

export interface LogOptions {
  level: string;
  node: string;
  /** Where lines go, which must neither throw nor wait; nowhere by default. */
  destination?: DestinationStream;
}

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
    destination ?? { write: () => {} },
  );
}
