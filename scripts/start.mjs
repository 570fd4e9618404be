/** `npm start`: the set-up, then the server in this terminal. Only Node and npm are needed. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { runInForeground } from './lib/foreground.mjs';
import { projectRoot, setUp } from './lib/set-up.mjs';

await setUp();
process.exitCode = await runInForeground(process.execPath, ['dist/server/src/main.js'], {
  cwd: projectRoot,
  env: { ...quietLog(), ...process.env },
});

/** People want the address, not a log of every connection. What the environment or an env file says comes first. */
function quietLog() {
  const files = ['.env', `.env.${process.env['NODE_ENV']}`].map((name) => join(projectRoot, name));
  const chosen = files.some(
    (file) => existsSync(file) && /^\s*(export\s+)?LOG_LEVEL\s*=/m.test(readFileSync(file, 'utf8')),
  );
  return chosen ? {} : { LOG_LEVEL: 'warn' };
}
