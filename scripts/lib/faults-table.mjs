/** The table of faults in Markdown, from the lines that the rows wrote. Knows nothing of the faults. */

/**
 * @typedef {object} FaultLine
 * @property {string} fault
 * @property {string} promise
 * @property {string} measured
 * @property {'kept' | 'broken' | 'not shown'} outcome
 */

/**
 * One JSON object per line, in the order of the rows.
 *
 * @param {string} text
 * @returns {FaultLine[]}
 */
export function readLines(text) {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}

/**
 * The whole document.
 *
 * @param {readonly FaultLine[]} rows
 * @param {{ node: string, date: string }} run
 * @returns {string}
 */
export function faultsTable(rows, { node, date }) {
  const cell = (/** @type {string} */ text) => text.replaceAll('|', String.raw`\|`).replaceAll(/\s+/g, ' ');
  return [
    '# Faults: promised and measured',
    '',
    `Written by \`npm run test:faults\` on ${date} with Node ${node}: three replicas, Redis and Nginx as true processes on one machine.`,
    'In every row it was also asserted that the epoch never falls, that no tick is repeated, falls or is missing without word, that one',
    'name is one payload at every client and in the store, that all clients hold the last value of the store within 2 s of healing,',
    'and that nothing crashes or grows by more than 100 MB.',
    '',
    '| fault | promised | measured | outcome |',
    '| --- | --- | --- | --- |',
    ...rows.map(
      ({ fault, promise, measured, outcome }) =>
        `| ${cell(fault)} | ${cell(promise)} | ${cell(measured)} | ${outcome} |`,
    ),
    '',
  ].join('\n');
}
