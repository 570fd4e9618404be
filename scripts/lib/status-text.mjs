/** How a cluster is, for people: a line of how it is, what is wrong, and tables of replicas and feeds. */
import { styleText } from 'node:util';

/**
 * `styled` is for a terminal.
 *
 * @param {import('./status-call.mjs').ClusterStatus} status
 * @param {readonly string[]} problems
 * @param {{ styled: boolean }} options
 */
export function statusText(status, problems, { styled }) {
  /** @param {'bold' | 'red' | 'green'} style @param {string} text */
  const paint = (style, text) => (styled ? styleText(style, text) : text);
  const { told, url, nodes, clients, backplane, leader, feeds } = status;
  const sums = `${counted(nodes.length, 'replica')}, ${counted(clients, 'client')}`;
  const word = problems.length === 0 ? paint('green', 'ok') : paint('red', 'not ok');
  const replicas = nodes.map(({ node, state, connections }) => [
    node,
    state,
    String(connections),
    node === leader.node ? `leader, epoch ${leader.epoch}` : '',
  ]);
  const sources = feeds.map(({ name, state, symbols, tickAgeMs }) => [
    name,
    state,
    String(symbols),
    tickAgeMs === null ? '-' : ageOf(tickAgeMs),
  ]);
  const isElsewhere = leader.node !== null && nodes.every(({ node }) => node !== leader.node);
  return [
    `${url} ${word}: ${told === 'all' ? sums : `${sums} of the replica that answered`}, backplane ${backplane.kind} ${backplane.state}`,
    ...(isElsewhere ? [`leader ${leader.node}, epoch ${leader.epoch}`] : []),
    ...problems.map((problem) => paint('red', `! ${problem}`)),
    '',
    ...table(['node', 'state', 'clients', ''], replicas, (text) => paint('bold', text)),
    '',
    ...table(['feed', 'state', 'symbols', 'newest tick'], sources, (text) => paint('bold', text)),
    ...(told !== 'one' ? [] : ['', 'With an API key in TICKWIRE_API_KEY every replica is shown.']),
  ].join('\n');
}

/** @param {number} count @param {string} what */
function counted(count, what) {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}

/** Seconds, and from two minutes on minutes. @param {number} ms */
function ageOf(ms) {
  return ms < 120_000 ? `${(ms / 1_000).toFixed(1)} s` : `${Math.round(ms / 60_000)} min`;
}

/**
 * Columns as wide as their widest cell, two blanks between.
 *
 * @param {readonly string[]} head
 * @param {readonly (readonly string[])[]} rows
 * @param {(line: string) => string} paintHead
 */
function table(head, rows, paintHead) {
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const [title = '', ...lines] = [head, ...rows].map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  return [paintHead(title), ...lines];
}
