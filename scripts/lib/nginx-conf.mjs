/**
 * The project's one Nginx template, filled in for named replicas on this machine; docker-compose.yml fills it in for
 * containers. Knows nothing of running Nginx.
 */
import { readFile } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { hostInUrl } from './address.mjs';

const template = new URL('../../nginx/nginx.conf.template', import.meta.url);

/**
 * @typedef {object} NginxOptions
 * @property {readonly { host: string, port: number }[]} replicas
 * @property {number} port
 * @property {string} [host] Where to listen: loopback by default, every address of the machine when empty.
 * @property {import('./certificate.mjs').CertificatePaths & { port: number }} [tls] Serves https and wss too.
 * @property {string} [accessLog] What follows `access_log`; off by default.
 * @property {readonly string[]} [trusted] Networks without limits; loopback and private ones by default.
 * @property {number} [connectionsPerAddress]
 * @property {number} [handshakesPerSecond] Per address, with a burst of five seconds' worth.
 * @property {number} [callsPerSecond] Per address, with a burst of two seconds' worth.
 * @property {number} [openCallsPerAddress] Calls that are not answered yet.
 * @property {readonly string[]} [corsOrigins] Whose pages may read Nginx's own answers; `*` for all.
 * @property {number} [failTimeoutMs] How long a replica that failed gets no sockets; above the time that a drain takes.
 * @property {number} [shutdownTimeoutMs] How long sockets outlive a reload.
 */

/**
 * The configuration as text. `dir` is the folder that Nginx writes its own files into.
 *
 * @param {NginxOptions & { dir: string }} options
 * @returns {Promise<string>}
 */
export async function renderNginx({
  replicas,
  port,
  dir,
  host = '127.0.0.1',
  tls,
  accessLog = 'off',
  trusted = ['127.0.0.0/8', '::1/128', '10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7'],
  connectionsPerAddress = 1_000,
  handshakesPerSecond = 100,
  callsPerSecond = 200,
  openCallsPerAddress = 400,
  corsOrigins = [],
  failTimeoutMs = 20_000,
  shutdownTimeoutMs = 10_000,
}) {
  const servers = (/** @type {string} */ marks) =>
    replicas.map((replica) => `server ${hostInUrl(replica.host)}:${replica.port} ${marks};`).join(' ');
  const maxOpen = 8_192;
  /** @type {Record<string, string | number>} */
  const values = {
    NGINX_DIR: dir,
    NGINX_ERROR_LOG: 'stderr notice',
    NGINX_ACCESS_LOG: accessLog,
    NGINX_WORKER_CONNECTIONS: maxOpen,
    NGINX_OPEN_FILES: 2 * maxOpen,
    NGINX_SHUTDOWN_TIMEOUT: `${shutdownTimeoutMs}ms`,
    NGINX_LISTEN:
      tls === undefined ? listen(host, port) : `${listen(host, port)} ${listen(host, tls.port, 'ssl')}`,
    NGINX_CERTIFICATE:
      tls === undefined ? '' : `ssl_certificate "${tls.certificate}"; ssl_certificate_key "${tls.key}";`,
    NGINX_RESOLVER: '',
    NGINX_HASH: 'consistent',
    NGINX_STICKY_SERVERS: servers(`max_fails=1 fail_timeout=${Math.ceil(failTimeoutMs / 1_000)}s`),
    NGINX_ALL_SERVERS: servers('max_fails=0'),
    NGINX_EVEN_SERVERS: servers('max_fails=1 fail_timeout=2s'),
    NGINX_TRUSTED: trusted.map((network) => `${network} 1;`).join(' '),
    NGINX_CONNECTIONS_PER_ADDRESS: connectionsPerAddress,
    NGINX_HANDSHAKES_PER_SECOND: handshakesPerSecond,
    NGINX_HANDSHAKE_BURST: 5 * handshakesPerSecond,
    NGINX_CALLS_PER_SECOND: callsPerSecond,
    NGINX_CALLS_BURST: 2 * callsPerSecond,
    NGINX_OPEN_CALLS_PER_ADDRESS: openCallsPerAddress,
    NGINX_CORS_ORIGIN: corsOrigins.join(','),
    NGINX_MAX_BODY: '1m',
  };
  return (await readFile(template, 'utf8')).replaceAll(/\$\{(\w+)\}/g, (_, /** @type {string} */ name) => {
    const value = values[name];
    if (value === undefined) throw new Error(`nothing is known for \${${name}} in the Nginx template`);
    return String(value);
  });
}

/**
 * @param {string} host
 * @param {number} port
 * @param {string} [mark]
 */
function listen(host, port, mark = '') {
  // Refused by the kernel where the machine has no IPv6 at all.
  const everywhere = Object.values(networkInterfaces())
    .flat()
    .some((address) => address?.family === 'IPv6')
    ? ['0.0.0.0', '::']
    : ['0.0.0.0'];
  return (host === '' ? everywhere : [host])
    .map((address) => `listen ${hostInUrl(address)}:${port} ${mark} backlog=4096;`)
    .join(' ');
}
