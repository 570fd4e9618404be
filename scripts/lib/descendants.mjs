/** What the processes that one has started are at, for whoever has to find out why it does not end. Linux alone; empty elsewhere. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { readStat } from './group.mjs';

/** Characters of a command line that are shown. */
const shownCommand = 160;

/**
 * A line for each process that came of this one, itself first: its number, its parent's, its state as `ps` has it, what it waits for
 * in the kernel, and how it was called.
 *
 * @param {number} pid
 * @returns {string[]}
 */
export function describeDescendants(pid) {
  if (!existsSync('/proc/self/stat')) return [];
  const all = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => {
      const [state = '?', parent] = readStat(name);
      return { pid: Number(name), state, parent: Number(parent) };
    });
  const family = new Set([pid]);
  for (const known of family) for (const one of all) if (one.parent === known) family.add(one.pid);
  return [...family].flatMap((known) => {
    const one = all.find((other) => other.pid === known);
    if (one === undefined) return [];
    const command = read(`/proc/${known}/cmdline`)
      .replaceAll(/[\0\s]+/g, ' ')
      .trim();
    const waitsFor = read(`/proc/${known}/wchan`) || '-';
    return [`${known} ${one.parent} ${one.state} ${waitsFor} ${command.slice(0, shownCommand)}`];
  });
}

/** @param {string} path */
function read(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return ''; // It has just ended, or is not ours to look at.
  }
}
