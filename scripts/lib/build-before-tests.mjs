/** Vitest runs this once before the projects that start true processes: those run what was built. */
import { prepare } from './set-up.mjs';

/** Does nothing where dependencies and build are fresh. Rejects where a step fails, and no test runs then. */
export default async function buildBeforeTests() {
  await prepare();
}
