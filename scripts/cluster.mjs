/**
 * `npm run cluster`: Redis, replicas and Nginx as plain processes of this terminal, for people without Docker. `REPLICAS`
 * says how many, `PORT` and `HOST` where Nginx listens, `CLUSTER_LOGS` a folder for logs; every other setting is the
 * server's. What dies is started again.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { startCluster } from './lib/cluster.mjs';
import { interruptibly, projectRoot, setUp } from './lib/set-up.mjs';
import { readSettings } from './lib/settings.mjs';

/** Ctrl-C under npm comes twice at once, from the terminal and from npm; the second within this time is the same one. */
const sameSignalMs = 500;
const firstRestartMs = 500;
const maxRestartMs = 10_000;

await setUp();
const settings = readSettings(projectRoot, process.env);
const replicas = whole('REPLICAS', '2', 1, 64);
const port = whole('PORT', '8080', 0, 65_535);
const host = settings['HOST'] ?? '';
/** @type {number | null} */
let endingSince = null;

const cluster = await interruptibly(async (signal) => {
  try {
    return await startCluster({
      replicas,
      host,
      ...(port === 0 ? {} : { port }),
      env: settings,
      ...(settings['CLUSTER_LOGS'] === undefined ? {} : { logFolder: settings['CLUSTER_LOGS'] }),
      onUnexpectedExit: (part, how) => void startAgain(part, how),
      signal,
    });
  } catch (error) {
    signal.throwIfAborted();
    return fail(error instanceof Error ? error.message : String(error));
  }
});

/** @type {NodeJS.Signals[]} */
const names = ['SIGINT', 'SIGTERM', 'SIGHUP'];
for (const name of names) process.on(name, () => void onSignal());
console.log(
  `Tickwire is live at http://${host === '' ? 'localhost' : host}:${cluster.port} (${replicas} replicas behind Nginx)`,
);

/** The first signal ends everything in order, a later one at once. */
async function onSignal() {
  if (endingSince === null) {
    endingSince = performance.now();
    await cluster.stop();
    process.exit(0);
  } else if (performance.now() - endingSince > sameSignalMs) {
    await cluster.killAll();
    process.exit(1);
  }
}

/**
 * @param {import('./lib/cluster.mjs').Part} part
 * @param {string} how
 */
async function startAgain(part, how) {
  let cause = how;
  for (let pauseMs = firstRestartMs; endingSince === null; pauseMs = Math.min(2 * pauseMs, maxRestartMs)) {
    console.error(`${part.name} ${cause}: starting it again`);
    await delay(pauseMs);
    try {
      if (endingSince === null) await part.restart();
      return;
    } catch (error) {
      cause = `did not start (${error instanceof Error ? error.message : String(error)})`;
    }
  }
}

/**
 * @param {string} name
 * @param {string} fallback
 * @param {number} min
 * @param {number} max
 */
function whole(name, fallback, min, max) {
  const text = settings[name]?.trim() || fallback;
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= min && value <= max) return value;
  return fail(`${name} must be a whole number from ${min} to ${max}, not ${JSON.stringify(text)}`);
}

/**
 * @param {string} why
 * @returns {never}
 */
function fail(why) {
  console.error(`Tickwire cannot start: ${why}`);
  process.exit(1);
}
