/** docker-compose.yml against what it feeds: the Nginx template and the server's settings. Needs no Docker. */
import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { renderNginx } from '../support/processes/render-nginx.ts';
import { settingDocs } from '../../src/settings.ts';

const root = new URL('../../..', import.meta.url);
const compose = await readFile(new URL('docker-compose.yml', root), 'utf8');
const template = await readFile(new URL('nginx/nginx.conf.template', root), 'utf8');

/** What compose fixes itself, or has no use for. */
const notPassed = ['HOST', 'NODE_ID', 'WORKERS', 'REDIS_HOST', 'REDIS_PORT', 'REDIS_PREFIX'].concat([
  // The engine keeps what a container says, and the container's own disk is read-only.
  'LOG_TO_FILE',
  'LOG_DIR',
  'LOG_MAX_SIZE',
  'LOG_MAX_FILES',
]);

test('every setting of the server is passed through, or set', () => {
  const names = new Set([...compose.matchAll(/^ {6}([A-Z][A-Z_]+):/gm)].map(([, name]) => name));
  const missing = settingDocs.map(({ name }) => name).filter((name) => !names.has(name));
  expect(missing.toSorted()).toEqual(notPassed.toSorted());
});

test('Nginx is told of CORS_ORIGIN as replicas are, and by no setting of its own', () => {
  expect(compose.match(/^ +\w*CORS\w*:.*$/gm)?.map((line) => line.trim())).toEqual([
    'CORS_ORIGIN:',
    "NGINX_CORS_ORIGIN: '${CORS_ORIGIN:-}'",
  ]);
});

test('every name in the Nginx template is filled in for containers and for plain processes', async () => {
  const names = [...template.matchAll(/\$\{(\w+)\}/g)].map(([, name]) => name);
  const filled = new Set([...compose.matchAll(/^ {6}(NGINX_\w+):/gm)].map(([, name]) => name));
  expect(names.filter((name) => !filled.has(name))).toEqual([]);
  const conf = await renderNginx({ replicas: [{ host: '127.0.0.1', port: 3000 }], port: 8080, dir: '/x' });
  expect(conf).not.toContain('${');
});

test('the configuration with TLS differs in where it listens and in the certificate alone', async () => {
  const plain = { replicas: [{ host: '127.0.0.1', port: 3000 }], port: 8080, dir: '/x' };
  const tls = { port: 8443, certificate: '/certs/cert.pem', key: '/certs/key.pem' };
  const lines = (await renderNginx(plain)).split('\n');
  const added = (await renderNginx({ ...plain, tls })).split('\n').filter((line) => !lines.includes(line));
  expect(added.map((line) => line.trim())).toEqual([
    'listen 127.0.0.1:8080  backlog=4096; listen 127.0.0.1:8443 ssl backlog=4096;',
    'ssl_certificate "/certs/cert.pem"; ssl_certificate_key "/certs/key.pem";',
  ]);
});

test('limits have the same defaults in containers and for plain processes', async () => {
  const conf = await renderNginx({ replicas: [{ host: '127.0.0.1', port: 3000 }], port: 8080, dir: '/x' });
  const defaultOf = (name: string) => new RegExp(`\\$\\{${name}:-([^}]+)\\}`).exec(compose)?.[1];
  expect(conf).toContain(`limit_conn connections ${defaultOf('NGINX_CONNECTIONS_PER_ADDRESS')};`);
  expect(conf).toContain(`zone=handshakes:10m rate=${defaultOf('NGINX_HANDSHAKES_PER_SECOND')}r/s;`);
  expect(conf).toContain(`zone=handshakes burst=${defaultOf('NGINX_HANDSHAKE_BURST')} nodelay;`);
  expect(conf).toContain(`zone=calls:10m rate=${defaultOf('NGINX_CALLS_PER_SECOND')}r/s;`);
  expect(conf).toContain(`zone=calls burst=${defaultOf('NGINX_CALLS_BURST')} nodelay;`);
  expect(conf).toContain(`limit_conn open_calls ${defaultOf('NGINX_OPEN_CALLS_PER_ADDRESS')};`);
  expect(conf).toContain(`client_max_body_size ${defaultOf('NGINX_MAX_BODY')};`);
  expect(conf).toContain(defaultOf('NGINX_TRUSTED'));
});
