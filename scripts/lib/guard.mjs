/**
 * Ends a program when the process that started it dies, however it dies: a shell beside it waits for the end of a pipe
 * that only we hold. Knows nothing of what the program does.
 */
import { spawn } from 'node:child_process';

/** The group first, for a program that leads one; a line on the pipe means that the guard is not needed any more. */
const wait = [
  'read -r released && exit',
  'kill -s KILL -- "-$0" 2>/dev/null || kill -s KILL -- "$0" 2>/dev/null',
  'test -z "$1" || rm -rf -- "$1"',
].join('\n');

/**
 * Guards the process, with its whole group where it leads one. The returned function ends the guard: call it as soon as
 * the process has ended, since its number may then become another's.
 *
 * @param {number} pid
 * @param {string} [folder] The program's temporary one, removed when the guard had to end the program.
 * @returns {() => void}
 */
export function guard(pid, folder = '') {
  // In a group of its own, or Ctrl-C would end the guard with us.
  const shell = spawn('/bin/sh', ['-c', wait, String(pid), folder], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  shell.on('error', () => {}); // Without /bin/sh there is no guard; whoever ends in good order does not need one.
  shell.stdin.on('error', () => {}); // The shell went first: it has nothing left to guard.
  shell.unref();
  return () => void shell.stdin.end('released\n');
}
