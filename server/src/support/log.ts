/**
 * The logger of one process: pino with the node's id in each line, and a limit of how many lines of one kind it writes. A
 * line's kind is its message, which therefore is a constant. Knows no business words.
 */
import { pino, type DestinationStream, type Logger } from 'pino';
import { systemClock, type Clock } from './clock.ts';
import { createLineLimit } from './line-limit.ts';

/**
 * What every stage is handed to log with: pino's own, fields before the message. A message is a constant, as it is a line's kind.
 */
export type Log = Logger;

/** Whose lines, from which of pino's levels on, and how many of them. */
export interface LogOptions {
  level: string;
  node: string;
  /** Where lines go, which must neither throw nor wait; nowhere by default. */
  destination?: DestinationStream;
  /** Lines a second of one kind; 0, the default, is no limit. */
  maxPerSecond?: number;
  clock?: Pick<Clock, 'monotonic' | 'after'>;
}

const leftOutMessage = 'lines were left out';

/** The message of a line, as pino is given it: after an object, or alone. */
function kindOf([first, second]: readonly unknown[]): string {
  if (typeof first === 'string') return first;
  return typeof second === 'string' ? second : 'no message';
}

/**
 * Each line is one JSON object with `level` as a word, `time` in ISO form and `node`. Lines of a kind that came too often are
 * told of in one, `lines were left out`, with the kind's message as `of` and their number as `lines`.
 */
export function createLog({
  level,
  node,
  destination,
  maxPerSecond = 0,
  clock = systemClock,
}: LogOptions): Log {
  const limit = createLineLimit({
    clock,
    maxPerSecond,
    onLeftOut: (of, lines, levelNumber) => {
      const word = log.levels.labels[levelNumber];
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a level of pino's own
      if (word !== undefined) log[word as 'info']({ of, lines }, leftOutMessage);
    },
  });
  const log = pino(
    {
      level,
      base: { node },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: {
        paths: ['req.headers.authorization', 'req.headers["x-api-key"]', 'req.headers.cookie'],
        censor: '[redacted]',
      },
      hooks: {
        logMethod(inputArgs, method, levelNumber) {
          const kind = kindOf(inputArgs);
          if (kind === leftOutMessage || limit.take(kind, levelNumber)) method.apply(this, inputArgs);
        },
      },
    },
    destination ?? { write: () => {} },
  );
  return log;
}
