/** A log whose lines a test can read. */
import { createLog } from '../../../src/support/log.ts';

/** The log of node `n1` at level `info`, and its lines, parsed. */
export function createKeptLog(more: Partial<Parameters<typeof createLog>[0]> = {}) {
  const lines: Record<string, unknown>[] = [];
  const write = (line: string): void => void lines.push(JSON.parse(line) as Record<string, unknown>);
  return { lines, log: createLog({ level: 'info', node: 'n1', destination: { write }, ...more }) };
}
