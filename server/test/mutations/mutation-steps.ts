/**
 * The pure steps of a mutation test: choosing mutations, changing a source, judging what Vitest found, and the line that says
 * so. Reads and writes no file.
 */
import type { Mutation } from './mutations.ts';

/** What the mutated code did to the tests. `unusable` is a run that proves nothing, for example code that cannot be loaded. */
export type Outcome = { at: 'red'; titles: string[] } | { at: 'green' } | { at: 'unusable'; reason: string };

/** As much as is read of Vitest's JSON report. */
export interface VitestReport {
  testResults: {
    message: string;
    assertionResults: { fullName: string; status: string; failureMessages: string[] }[];
  }[];
}

/** A failure that shows broken code instead of a missing guard: JavaScript or a Redis script that cannot run. */
const brokenCode =
  /^(?:SyntaxError|ReferenceError)\b|\bERR (?:Error compiling script|Error running script|user_script:)/;

/** The mutations with these names, in the order of the table, or all of them without a name; and the names that none has. */
export function chooseMutations(
  table: readonly Mutation[],
  names: readonly string[],
): { chosen: readonly Mutation[]; unknown: string[] } {
  return {
    chosen: names.length === 0 ? table : table.filter(({ name }) => names.includes(name)),
    unknown: names.filter((name) => table.every((mutation) => mutation.name !== name)),
  };
}

/** The mutated source, or why the mutation no longer fits: its `find` text must occur exactly once. */
export function applyMutation(
  source: string,
  { name, file, find, replace }: Pick<Mutation, 'name' | 'file' | 'find' | 'replace'>,
): { ok: true; source: string } | { ok: false; problem: string } {
  const [before, after, ...more] = source.split(find);
  if (before !== undefined && after !== undefined && more.length === 0)
    return { ok: true, source: `${before}${replace}${after}` };
  const count = after === undefined ? 0 : 1 + more.length;
  return {
    ok: false,
    problem: `${name}: the mutation no longer fits the code. ${file} has its \`find\` text ${count} times instead of once. Change its entry in server/test/mutations/mutations.ts.`,
  };
}

/** Judges a report; null stands for a run that wrote none. A test that failed makes the run red, unless the code was broken. */
export function outcomeOf(report: VitestReport | null): Outcome {
  if (report === null) return { at: 'unusable', reason: 'Vitest wrote no report' };
  const tests = report.testResults.flatMap(({ assertionResults }) => assertionResults);
  const failed = tests.filter(({ status }) => status === 'failed');
  const red = failed.filter(({ failureMessages }) => !failureMessages.some((text) => brokenCode.test(text)));
  if (red.length > 0) return { at: 'red', titles: red.map(({ fullName }) => fullName) };
  const messages = [
    ...failed.flatMap(({ failureMessages }) => failureMessages),
    ...report.testResults.map(({ message }) => message),
  ];
  const reason = messages.find((message) => message !== '');
  if (reason !== undefined) return { at: 'unusable', reason: reason.trim().replace(/\n.*/s, '') };
  if (tests.every(({ status }) => status !== 'passed')) return { at: 'unusable', reason: 'no test ran' };
  return { at: 'green' };
}

/** One line for the terminal. */
export function outcomeLine({ name, tests }: Pick<Mutation, 'name' | 'tests'>, outcome: Outcome): string {
  const missed = `${name}: NOT caught by ${tests.join(', ')}`;
  if (outcome.at === 'green') return missed;
  if (outcome.at === 'unusable') return `${missed}: ${outcome.reason}`;
  const { length } = outcome.titles;
  return `${name}: red, ${length} ${length === 1 ? 'test' : 'tests'}: ${outcome.titles[0]}`;
}
