/**
 * `npm run cluster`: Redis, replicas and Nginx as plain processes of this terminal, for people without Docker. `REPLICAS`
 * says how many, `PORT` and `HOST` where Nginx listens, `METRICS_PORT` where the first replica tells its figures, the others on the
 * ports that follow, `CLUSTER_LOGS` a folder for logs, `CERTS_DIR` that of a certificate with which Nginx serves https and wss at
 * `TLS_PORT` too; every other setting is the server's. What dies is started again.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { relative } from 'node:path';
import { certificateIn, unreadable } from './lib/certificate.mjs';
import { importTypeScript } from './lib/import-typescript.mjs';
import { interruptibly, projectRoot, setUp } from './lib/set-up.mjs';
import { certsFolder, readSettings } from './lib/settings.mjs';

/** Ctrl-C under npm comes twice at once, from the terminal and from npm; the second within this time is the same one. */
const sameSignalMs = 500;
const firstRestartMs = 500;
const maxRestartMs = 10_000;
const maxReplicas = 64;

await setUp();
const settings = readSettings(projectRoot, process.env);
const certificate = certificateIn(certsFolder(settings));
const missing = unreadable(certificate);
const tlsPortText = settings['TLS_PORT']?.trim() || '8443';
const { corsOrigins, trustedNetworks, metricsPort } = await refuseBadSettings();
const replicas = Number(settings['REPLICAS']?.trim() || '2');
const port = Number(settings['PORT']?.trim() || '8080');
const tlsPort = Number(tlsPortText);
const host = settings['HOST']?.trim() ?? '';
/** @type {number | null} */
let endingSince = null;

const cluster = await interruptibly(async (signal) => {
  /** @type {typeof import('../server/test/support/processes/start-cluster.ts')} */
  const { startCluster } = await importTypeScript('server/test/support/processes/start-cluster.ts');
  try {
    return await startCluster({
      replicas,
      host,
      ...(port === 0 ? {} : { port }),
      ...(missing.length > 0 ? {} : { tls: { ...certificate, ...(tlsPort === 0 ? {} : { port: tlsPort }) } }),
      ...(metricsPort === null ? {} : { metricsPort }),
      env: settings,
      // It is Nginx that clients meet.
      nginx: { corsOrigins, trusted: trustedNetworks },
      ...(settings['CLUSTER_LOGS'] === undefined ? {} : { logFolder: settings['CLUSTER_LOGS'] }),
      onUnexpectedExit: (part, how) => void startAgain(part, how),
      signal,
    });
  } catch (error) {
    signal.throwIfAborted();
    const why = error instanceof Error ? error.message : String(error);
    // Where a replica says so itself, in its own words alone.
    return fail(/^Tickwire cannot start[^]*/m.exec(why)?.[0] ?? `Tickwire cannot start: ${why}`);
  }
});

/** @type {NodeJS.Signals[]} */
const names = ['SIGINT', 'SIGTERM', 'SIGHUP'];
for (const name of names) process.on(name, () => void onSignal());
const name = host.includes(':') ? `[${host}]` : host || 'localhost';
const secure = cluster.tlsUrl === null ? '' : ` and https://${name}:${new URL(cluster.tlsUrl).port}`;
console.log(
  `Tickwire is live at http://${name}:${cluster.port}${secure} (${replicas} replicas behind Nginx)`,
);
console.log(`Figures at ${cluster.replicas.map(({ metricsUrl }) => metricsUrl).join(', ')}`);
if (secure === '') console.log(`No https, as ${missingWords()}`);

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
 * @param {import('../server/test/support/processes/start-cluster.ts').Part} part
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

/** Says everything that is wrong with the settings, the server's among them, before anything is started; gives what Nginx goes by too. */
async function refuseBadSettings() {
  const server = new URL('../dist/server/src/config.js', import.meta.url).href;
  /**
   * @typedef {{ corsOrigins: string[], metricsPort: number | null, addressLimits: { trustedNetworks: string[] } }} Config
   * @type {{ parseConfig: (env: NodeJS.ProcessEnv, node: string) => { config?: Config, problems?: string[] } }}
   */
  const { parseConfig } = await import(server);
  // Where they meet is ours to say.
  const parsed = parseConfig({ ...settings, BACKPLANE: 'redis', REDIS_URL: 'redis://127.0.0.1' }, 'cluster');
  const text = settings['REPLICAS']?.trim() || '2';
  const isGood = /^\d{1,2}$/.test(text) && Number(text) >= 1 && Number(text) <= maxReplicas;
  const asked = settings['CERTS_DIR']?.trim() || '';
  const problems = [
    ...(/^\d{1,5}$/.test(tlsPortText) && Number(tlsPortText) <= 65_535
      ? []
      : [`TLS_PORT: must be a whole number from 0 to 65535, not ${JSON.stringify(tlsPortText)}`]),
    // Who names a folder wants TLS.
    ...(asked === '' || missing.length === 0 ? [] : [`CERTS_DIR: ${missingWords()}`]),
    ...(isGood
      ? []
      : [`REPLICAS: must be a whole number from 1 to ${maxReplicas}, not ${JSON.stringify(text)}`]),
    ...(isGood ? metricsPortProblems(Number(text)) : []),
    ...(parsed.problems ?? []),
  ];
  if (problems.length > 0 || parsed.config === undefined)
    fail(['Tickwire cannot start with this configuration:', ...problems].join('\n  '));
  const { corsOrigins: origins, addressLimits, metricsPort: first } = parsed.config;
  return { corsOrigins: origins, trustedNetworks: addressLimits.trustedNetworks, metricsPort: first };
}

/**
 * What the server cannot know: each replica takes one more.
 *
 * @param {number} count Of replicas.
 */
function metricsPortProblems(count) {
  const first = Number(settings['METRICS_PORT']?.trim() || '0');
  const last = first + count - 1;
  if (!(first > 0 && first <= 65_535)) return [];
  if (last > 65_535)
    return [`METRICS_PORT: ${count} replicas count up from it to ${last}; 65535 is the last port`];
  const ownPort = Number(settings['PORT']?.trim() || '8080');
  const taken = [
    // The server itself compares these two.
    ...(ownPort === first ? [] : [ownPort]),
    ...(missing.length > 0 ? [] : [Number(tlsPortText)]),
  ].find((other) => other >= first && other <= last);
  return taken === undefined
    ? []
    : [`METRICS_PORT: ${count} replicas count up from it to ${last}, and Nginx has ${taken}`];
}

/** Why there is no TLS, and what to do about it. */
function missingWords() {
  const paths = missing.map((path) => relative(process.cwd(), path)).join(' and ');
  return `${paths} cannot be read: \`npm run cert\` makes a certificate for development`;
}

/**
 * @param {string} why
 * @returns {never}
 */
function fail(why) {
  console.error(why);
  process.exit(1);
}
