/** Vitest runs this once before the projects that start true processes: those run what was built. */
import { prepare } from './set-up.mjs';

export default async function buildBeforeTests() {
  await prepare();
}
