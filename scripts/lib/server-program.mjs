/** The built server, and how Node is told to run it wherever it is started; the Dockerfile says the same. */
import { fileURLToPath } from 'node:url';

/**
 * Of young objects at most three times 4 MB. By itself Node lets them take three times 16, which a busy moment fills once and
 * no calm gives back: 22 KB of resident memory for each of 1,000 idle WebSockets, 9 to 11 KB with this (`npm run bench -- --quick memory`).
 *
 * @type {readonly string[]}
 */
export const nodeArgs = ['--max-semi-space-size=4'];

/** The absolute path of what the build makes of `server/src/main.ts`; before a build nothing is there. */
export const serverProgram = fileURLToPath(new URL('../../dist/server/src/main.js', import.meta.url));
