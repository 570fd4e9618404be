/** The logger of one process: pino with the node's id in each line. Knows no business words. */
import { type DestinationStream, type Logger } from 'pino';
export type Log = Logger;
export interface LogOptions {
    level: string;
    node: string;
    /** Where lines go; standard output by default. */
    destination?: DestinationStream;
}
/** Each line is one JSON object with `level` as a word, `time` in ISO form and `node`. */
export declare function createLog({ level, node, destination }: LogOptions): Log;
