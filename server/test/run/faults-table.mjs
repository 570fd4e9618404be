/** The table of faults in Markdown, from the lines that the rows wrote. */

/**
 * @typedef {object} FaultLine
 * @property {string} file Of the row, below the project's folder.
 * @property {number} order The row's place in its file.
 * @property {string} fault
 * @property {string} promise
 * @property {string} measured
 * @property {'kept' | 'broken' | 'not shown'} outcome
 */

/**
 * One JSON object per line. Rows end in any order, because files run at once; the result is sorted by file and place.
 *
 * @param {string} text
 * @returns {FaultLine[]}
 */
export function readLines(text) {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => /** @type {FaultLine} */ (JSON.parse(line)))
    .toSorted((a, b) => a.file.localeCompare(b.file, 'en') || a.order - b.order);
}

/**
 * The rows in Markdown, without anything around them.
 *
 * @param {readonly FaultLine[]} rows
 * @returns {string}
 */
export function tableOf(rows) {
  const cell = (/** @type {string} */ text) => text.replaceAll('|', String.raw`\|`).replaceAll(/\s+/g, ' ');
  return [
    '| fault | promised | measured | outcome |',
    '| --- | --- | --- | --- |',
    ...rows.map(
      ({ fault, promise, measured, outcome }) =>
        `| ${cell(fault)} | ${cell(promise)} | ${cell(measured)} | ${outcome} |`,
    ),
  ].join('\n');
}

/**
 * The whole document.
 *
 * @param {readonly FaultLine[]} rows
 * @param {{ node: string, date: string }} run
 * @returns {string}
 */
export function faultsTable(rows, { node, date }) {
  return [
    '# Faults: promised and measured',
    '',
    `Written by \`npm run test:faults\` on ${date} with Node ${node}: three replicas, Redis and Nginx as true processes on one machine.`,
    'In every row it was also asserted that the epoch never falls, that no tick is repeated, falls or is missing without word, that one',
    'name is one payload at every client and in the store, that all clients hold the last value of the store within 2 s of healing,',
    'and that nothing crashes or grows by more than 100 MB.',
    '',
    tableOf(rows),
    '',
  ].join('\n');
}

const [begin, end] = ['<!-- faults: written by npm run test:faults -->', '<!-- end of faults -->'];

/**
 * The text with another table between its two markers; throws where they are missing.
 *
 * @param {string} text
 * @param {string} table
 * @returns {string}
 */
export function withTable(text, table) {
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from === -1 || to < from)
    throw new Error(`there is no place for the table between ${begin} and ${end}`);
  return `${text.slice(0, from + begin.length)}\n\n${table}\n\n${text.slice(to)}`;
}
