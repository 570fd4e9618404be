/** A row of the table of faults: a test that reports its promise, what it measured and its outcome. */
import { appendFileSync } from 'node:fs';
import { it } from 'vitest';

export interface FaultRow {
  /** What is done to the cluster. */
  fault: string;
  /** What is promised, at most. */
  promise: string;
  /** Milliseconds that the test may take. */
  withinMs?: number;
  /** Why this machine cannot show the row; null if it can. */
  skip?: string | null;
}

/** Reports a part of what the row measured. A row that fails shows the parts that it reported before. */
export type Measure = (text: string) => void;

/** A line of the file that `FAULTS_TABLE` names; server/test/run/faults.mjs makes the table of them. */
export interface FaultLine {
  /** Where the row stands: its file, and its place in the file. */
  file: string;
  order: number;
  fault: string;
  promise: string;
  measured: string;
  outcome: 'kept' | 'broken' | 'not shown';
}

/** Rows of this file so far. Vitest loads this module once per file. */
let rows = 0;

/** A test that is named after its fault. */
export function faultRow(
  { fault, promise, withinMs = 90_000, skip: why = null }: FaultRow,
  run: (measure: Measure) => Promise<void>,
): void {
  const order = rows++;
  // oxlint-disable-next-line vitest/expect-expect, vitest/valid-title -- the rows expect, and name themselves
  it(fault, { timeout: withinMs }, async ({ task, skip }) => {
    const measured: string[] = [];
    const write = (outcome: FaultLine['outcome']): void => {
      const path = process.env['FAULTS_TABLE'];
      const file = task.file.name;
      const line: FaultLine = { file, order, fault, promise, measured: measured.join('; '), outcome };
      if (path !== undefined) appendFileSync(path, `${JSON.stringify(line)}\n`);
    };
    if (why !== null) {
      measured.push(why);
      write('not shown');
      skip(why);
    }
    try {
      await run((text) => void measured.push(text));
    } catch (error) {
      write('broken');
      throw error;
    }
    write('kept');
  });
}

/** A duration as the table shows it: `250 ms`, `1.2 s`. */
export function shown(ms: number): string {
  return ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(1)} s`;
}
