/** The cluster over TLS, with the certificate that `npm run cert` makes, as an operator's browser and stock clients meet it. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { request, type RequestOptions } from 'node:https';
import type { IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { createInterface } from 'node:readline';
import { connect, type SecureVersion } from 'node:tls';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { certificateIn } from '../../../scripts/lib/certificate.mjs';
import { freePort } from '../support/processes/free-port.ts';
import { createRecorder } from '../support/clients/recorder.ts';
import { apiKey } from './cluster-under-test.ts';
import { runStatus, withKey } from '../support/processes/run-status.ts';
import { startCluster, type Cluster } from '../support/processes/start-cluster.ts';
import { until } from '../support/until.ts';

let folder: string;
let ca: Buffer;
let made: ReturnType<typeof cert>;

/** Runs `npm run cert`'s program. */
const cert = (certsDir: string, ...names: string[]) =>
  spawnSync(process.execPath, ['scripts/cert.mjs', ...names], {
    env: { ...process.env, CERTS_DIR: certsDir },
    encoding: 'utf8',
  });

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tickwire-certs-'));
  made = cert(folder);
  ca = readFileSync(certificateIn(folder).certificate);
});

afterAll(() => rmSync(folder, { recursive: true }));

async function get(url: string, options: RequestOptions = {}) {
  const asked = request(url, { ca, agent: false, ...options });
  asked.end();
  const [answer] = (await once(asked, 'response')) as [IncomingMessage];
  return { status: answer.statusCode, headers: answer.headers, body: await text(answer) };
}

/** The protocol that a peer gets who speaks no newer one than that; rejects where it gets none. */
async function protocolOf(url: string, maxVersion: SecureVersion): Promise<string | null> {
  const { port } = new URL(url);
  const ciphers = 'DEFAULT:@SECLEVEL=0';
  const socket = connect({
    port: Number(port),
    ca,
    minVersion: 'TLSv1',
    maxVersion,
    ciphers,
    host: '127.0.0.1',
  });
  await once(socket, 'secureConnect');
  const protocol = socket.getProtocol();
  socket.destroy();
  return protocol;
}

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster({
    replicas: 2,
    tls: certificateIn(folder),
    env: { UPDATE_INTERVAL: '100', API_KEYS: apiKey, DRAIN_MS: '1000' },
  });
});
afterAll(() => cluster.stop());

/** A stock client that closes with the test. */
function connectTo(options: Parameters<typeof createRecorder>[1], url = cluster.url) {
  const client = createRecorder(url, options);
  onTestFinished(() => client.close());
  return client;
}

test('https and wss beside http and ws: the same page, API and ticks, by the certificate alone that is trusted', async () => {
  const secure = cluster.tlsUrl ?? '';
  const byName = secure.replace('127.0.0.1', 'localhost');

  for (const url of [secure, byName]) {
    const health = await get(`${url}/health`);
    expect(health.status).toBe(200);
    expect(health.headers['strict-transport-security']).toBe('max-age=31536000');
  }
  const page = await get(secure);
  expect([page.status, page.headers['content-type']]).toEqual([200, 'text/html; charset=utf-8']);
  expect((await get(`${secure}/metrics`)).headers['strict-transport-security']).toBe('max-age=31536000');
  for (const path of ['/health', '/', '/metrics'])
    expect((await fetch(cluster.url + path)).headers.get('strict-transport-security')).toBeNull();
  await expect(get(`${secure}/health`, { ca: [] })).rejects.toThrow('self-signed certificate');

  const clients = [['websocket'], ['polling'], ['polling', 'websocket']].map((transports) =>
    connectTo({ transports, ca: String(ca), extraHeaders: { Origin: byName } }, byName),
  );
  for (const client of clients) client.follow(['BTC-USD']);
  const plain = connectTo({ transports: ['websocket'] });
  plain.follow(['BTC-USD']);
  for (const client of [...clients, plain]) {
    await client.seen('tick', 3, 20_000);
    expect(client.faults()).toEqual([]);
  }

  expect(await protocolOf(secure, 'TLSv1.3')).toBe('TLSv1.3');
  expect(await protocolOf(secure, 'TLSv1.2')).toBe('TLSv1.2');
  await expect(protocolOf(secure, 'TLSv1.1')).rejects.toThrow(/protocol version|unsupported protocol/);
  const spoken = await fetch(secure.replace('https', 'http'));
  expect([spoken.status, spoken.headers.get('content-type')]).toEqual([400, 'application/problem+json']);
});

test('npm run status trusts the certificate that NODE_EXTRA_CA_CERTS names, and explains every other one', async () => {
  const url = cluster.tlsUrl ?? '';
  await connectTo({ transports: ['websocket'] }).seen('hello');
  // The replicas take a moment to know each other, and that the clients of other tests are gone.
  const wanted = ' ok: 2 replicas, 1 client, backplane redis up';
  const shown = () => runStatus(['--url', cluster.url], withKey);
  await until(async () => (await shown()).output.includes(wanted), { withinMs: 20_000, saw: shown });
  const trusting = await runStatus(['--url', url], {
    ...withKey,
    NODE_EXTRA_CA_CERTS: certificateIn(folder).certificate,
  });
  expect([trusting.code, trusting.output]).toEqual([0, expect.stringContaining(wanted)]);
  expect(await runStatus(['--url', url], withKey)).toMatchObject({
    code: 2,
    output: expect.stringMatching(/its certificate is not trusted \(.+\); NODE_EXTRA_CA_CERTS=/) as string,
  });
  expect(await runStatus(['--url', url.replace('https:', 'http:')], withKey)).toEqual({
    code: 2,
    output: `${url.replace('https:', 'http:')}/ answers 400 to /health: it does not seem to be Tickwire, or takes https alone`,
  });
  expect(await runStatus(['--url', cluster.url.replace('http:', 'https:')], withKey)).toEqual({
    code: 2,
    output: `${cluster.url.replace('http:', 'https:')}/ cannot be reached: it does not speak TLS; is it http?`,
  });
});

test('npm run cert makes one for this machine, leaves one alone that is there, and takes names and addresses, but nothing else', () => {
  expect(made.stdout).toContain('made for DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1,');
  expect(made.status).toBe(0);
  const again = cert(folder);
  expect([again.status, again.stdout]).toEqual([0, expect.stringContaining('is there, good until')]);
  expect(readFileSync(certificateIn(folder).certificate)).toEqual(ca);
  const named = cert(join(folder, 'named'), 'prices.lan', '192.0.2.7');
  expect(named.stdout).toContain('DNS:prices.lan, IP Address:192.0.2.7');
  const wrong = cert(join(folder, 'wrong'), 'a b');
  expect([wrong.status, wrong.stderr]).toEqual([1, 'No certificate: "a b" is no host name or address\n']);
});

test('npm run cluster says both addresses', async () => {
  const env = {
    ...process.env,
    PORT: String(await freePort()),
    TLS_PORT: '0',
    CERTS_DIR: folder,
    REPLICAS: '1',
  };
  const command = spawn(process.execPath, ['scripts/cluster.mjs'], { env });
  onTestFinished(() => void command.kill('SIGKILL'));
  let secure = '';
  let metrics = '';
  for await (const line of createInterface({ input: command.stdout })) {
    secure ||= /live at http:\/\/localhost:\d+ and (https:\/\/localhost:\d+) /.exec(line)?.[1] ?? '';
    metrics = /^Figures at (\S+)$/.exec(line)?.[1] ?? '';
    if (metrics !== '') break;
  }
  // Without METRICS_PORT the metrics are at the port of the replica.
  expect(await (await fetch(metrics)).text()).toContain('socket_connections_active');
  expect((await get(`${secure}/health`)).status).toBe(200);
  command.kill('SIGTERM');
  expect(await once(command, 'exit')).toEqual([0, null]);
});
