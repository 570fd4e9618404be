/** `npm start`: the set-up, then the server in this terminal. Only Node and npm are needed. */
import { runInForeground } from './lib/foreground.mjs';
import { nodeArgs, serverProgram } from './lib/server-program.mjs';
import { projectRoot, setUp } from './lib/set-up.mjs';
import { readSettings } from './lib/settings.mjs';

await setUp();
process.exitCode = await runInForeground(process.execPath, [...nodeArgs, serverProgram], {
  cwd: projectRoot,
  env: readSettings(projectRoot, process.env),
});
