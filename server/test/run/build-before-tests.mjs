/** Vitest runs this once before the projects that start real processes, which run the built server. */
import { prepare } from '../../../scripts/lib/set-up.mjs';

/** Builds if the sources changed. Rejects if a step fails; then no test runs. */
export default async function buildBeforeTests() {
  await prepare();
}
