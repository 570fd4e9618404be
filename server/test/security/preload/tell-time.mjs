/** At the end of its process: tells on descriptor 3 for how many milliseconds that lived, but for those in which others had the processors. */
import { readFileSync, writeSync } from 'node:fs';

process.on('exit', () => {
  const [, waitedNs] = readFileSync('/proc/self/schedstat', 'utf8').split(' ');
  writeSync(3, String(performance.now() - Number(waitedNs) / 1e6));
});
