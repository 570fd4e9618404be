/** Dependencies and build, where they are missing or stale, and nothing else: the first half of `npm start`, for CI. */
import { setUp } from './lib/set-up.mjs';

await setUp();
