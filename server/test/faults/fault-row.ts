/** A row of the table of faults: a test whose promise and measure are told beside its outcome. */
import { appendFileSync } from 'node:fs';
import { it } from 'vitest';

export interface FaultRow {
  /** What is done to the cluster. */
  fault: string;
  /** What is promised, at most. */
  promise: string;
  /** Milliseconds that the test may take. */
  withinMs?: number;
  /** Where the row cannot be shown on this machine: why. */
  skip?: string | null;
}

/** Told by a row as soon as it is known, so that a row that fails shows it too. */
export type Measure = (text: string) => void;

/** A line of the file that `FAULTS_TABLE` names; server/test/run/faults.mjs makes the table of them. */
export interface FaultLine {
  fault: string;
  promise: string;
  measured: string;
  outcome: 'kept' | 'broken' | 'not shown';
}

function write(line: FaultLine): void {
  const path = process.env['FAULTS_TABLE'];
  if (path !== undefined) appendFileSync(path, `${JSON.stringify(line)}\n`);
}

/** A test that is called after its fault. */
export function faultRow(
  { fault, promise, withinMs = 90_000, skip = null }: FaultRow,
  run: (measure: Measure) => Promise<void>,
): void {
  if (skip !== null) write({ fault, promise, measured: skip, outcome: 'not shown' });
  // oxlint-disable-next-line vitest/expect-expect, vitest/valid-title -- the rows expect, and name themselves
  it(fault, { timeout: withinMs, skip: skip !== null }, async () => {
    const measured: string[] = [];
    let outcome: FaultLine['outcome'] = 'broken';
    try {
      await run((text) => void measured.push(text));
      outcome = 'kept';
    } finally {
      write({ fault, promise, measured: measured.join('; '), outcome });
    }
  });
}

/** Milliseconds as people read them in the table. */
export function shown(ms: number): string {
  return ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(1)} s`;
}
