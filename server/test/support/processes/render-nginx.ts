/**
 * Fills in the project's one Nginx template for replicas on this machine; docker-compose.yml fills it in for containers.
 * Running Nginx is left to others.
 */
import { readFile } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import type { CertificatePaths } from '../../../../scripts/lib/certificate.mjs';

const template = new URL('../../../../nginx/nginx.conf.template', import.meta.url);

export interface NginxConfig {
  replicas: readonly { host: string; port: number }[];
  port: number;
  /** The folder that Nginx writes its own files into. */
  dir: string;
  /** The address to listen on: loopback by default, every address of the machine when empty. */
  host?: string;
  /** Adds https and wss on a port of their own. */
  tls?: (CertificatePaths & { port: number }) | undefined;
  /** The arguments of `access_log`; off by default. */
  accessLog?: string;
  /** Networks without limits; loopback and private networks by default. */
  trusted?: readonly string[];
  connectionsPerAddress?: number;
  /** Per address, with a burst of five seconds' worth. */
  handshakesPerSecond?: number;
  /** Per address, with a burst of two seconds' worth. */
  callsPerSecond?: number;
  /** Calls that are not answered yet. */
  openCallsPerAddress?: number;
  /** Origins whose pages may read Nginx' own answers; `*` for all. */
  corsOrigins?: readonly string[];
  /** How long a failed replica gets no sockets. Must be longer than a drain. */
  failTimeoutMs?: number;
  /** How long sockets live on after a reload. */
  shutdownTimeoutMs?: number;
}

/** A host as it is written before a port: an IPv6 address in brackets. */
export function hostInUrl(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}

/** The configuration as text. */
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
}: NginxConfig): Promise<string> {
  const servers = (marks: string): string =>
    replicas.map((replica) => `server ${hostInUrl(replica.host)}:${replica.port} ${marks};`).join(' ');
  const maxOpen = 8_192;
  const values: Record<string, string | number> = {
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
  return (await readFile(template, 'utf8')).replaceAll(/\$\{(\w+)\}/g, (_, name: string) => {
    const value = values[name];
    if (value === undefined)
      throw new Error(`the Nginx template has \${${name}}, which renderNginx does not set`);
    return String(value);
  });
}

function listen(host: string, port: number, mark = ''): string {
  // The kernel rejects `::` on a machine without IPv6.
  const everywhere = Object.values(networkInterfaces())
    .flat()
    .some((address) => address?.family === 'IPv6')
    ? ['0.0.0.0', '::']
    : ['0.0.0.0'];
  return (host === '' ? everywhere : [host])
    .map((address) => `listen ${hostInUrl(address)}:${port} ${mark} backlog=4096;`)
    .join(' ');
}
