/** What the logs of Nginx hold of a request: which operation it was, and nothing that a caller may have put there. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest';
import { freePort } from '../support/processes/free-port.ts';
import { startNginx, type NginxServer } from '../support/processes/start-nginx.ts';
import { readApiDocument } from '../support/checks/api-document.ts';
import { serveApp } from '../support/stand-ins/serve-app.ts';
import { until } from '../support/until.ts';
import { ask, askRaw } from './ask.ts';
import { createScriptedUpstream, type ScriptedUpstream } from './scripted-upstream.ts';

const secret = 'dummy-key-0123456789';

let folder: string;
let replica: ScriptedUpstream;
let nginx: NginxServer;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tickwire-nginx-'));
  replica = await createScriptedUpstream('r1');
  nginx = await start([replica]);
});

afterEach(async () => {
  await nginx?.stop();
  await replica.close();
  rmSync(folder, { recursive: true });
});

function start(replicas: Parameters<typeof startNginx>[0]['replicas']): Promise<NginxServer> {
  return startNginx({ replicas, accessLog: `${join(folder, 'access.log')} access` });
}

interface Line {
  path: string;
  id: string;
}

/** The lines so far, when there are so many. */
async function lines(count: number): Promise<Line[]> {
  const text = (): string => readFileSync(join(folder, 'access.log'), 'utf8');
  const all = (): Line[] =>
    text()
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Line);
  await until(() => all().length >= count, { saw: text });
  return all();
}

test('an operation is named as the document names it, whatever stands for an id', async () => {
  const app = await serveApp();
  onTestFinished(() => app.close());
  const { operations } = await readApiDocument(app.url);
  const paths = [
    ...new Set(operations.map(({ path }) => path)),
    '/',
    '/health',
    '/health/ready',
    '/api/docs',
  ];
  for (const path of paths) await ask(nginx.port, `${path.replaceAll(/\{\w+\}/g, secret)}?a=${secret}`);
  expect((await lines(paths.length)).map(({ path }) => path)).toEqual(paths);
});

test('a line is found by the id that a replica was told, where the caller told none', async () => {
  await ask(nginx.port, '/api/ticks');
  const [line] = await lines(1);
  expect(line?.id).toMatch(/^[0-9a-f]{32}$/);
  expect(replica.seen[0]?.headers['x-request-id']).toBe(line?.id);
});

test('[SI6] a secret in an address or an id is in no log, wherever it stands and whoever answers', async () => {
  const encoded = [...secret].map((letter) => `%${letter.charCodeAt(0).toString(16)}`).join('');
  const targets = [
    `/${secret}`,
    `/api/${secret}`,
    `/api/ticks/${secret}`,
    `/api/nodes/${secret}`,
    `/api/users/${secret}`,
    `/api/feed/pause/${secret}`,
    `/api/${encoded}`,
    `/assets/${secret}`,
    `/health/${secret}`,
    `/metrics/${secret}`,
    `/socket.io/${secret}`,
    `/stream/${secret}`,
    `/api/ticks?api_key=${secret}`,
    `/api/ticks?symbols=${secret}`,
    `/api/ticks?token=${secret}`,
    `/health?${secret}`,
    `/api/%00/${secret}`,
    `/${secret}/%00`,
    `/api/symbols/${secret}?token=x`,
    `http://${secret}/api/${secret}`,
  ];
  const nobody = await start([{ host: '127.0.0.1', port: await freePort() }]);
  onTestFinished(() => nobody.stop());
  const losing = await createScriptedUpstream('r2');
  losing.answer = (_, response) => void response.socket?.destroy();
  onTestFinished(() => losing.close());
  const lost = await start([losing]);
  onTestFinished(() => lost.stop());
  for (const { port } of [nginx, nobody, lost]) {
    for (const target of targets)
      await askRaw(
        port,
        `GET ${target} HTTP/1.1\r\nHost: x\r\nX-Request-Id: ${secret}\r\nConnection: close\r\n\r\n`,
      );
    const tooMuch = `PUT /api/${secret} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2000000\r\n\r\n`;
    await askRaw(port, tooMuch);
    await ask(port, '/api/docs');
  }
  const all = await until(async () => {
    const seen = await lines(3);
    return seen.filter(({ path }) => path === '/api/docs').length === 3 && seen;
  });
  // A stream is logged only where no replica answers it, all else everywhere.
  expect(all.length).toBeGreaterThanOrEqual(3 * (targets.length + 1));
  const logs = [
    readFileSync(join(folder, 'access.log'), 'utf8'),
    ...[nginx, nobody, lost].flatMap((one) => one.logs()),
  ];
  expect(logs.join('\n')).not.toContain(secret);
  expect(logs.join('\n')).not.toContain(encoded);
  expect(new Set(all.map(({ path }) => path))).toContain('/api/...');
});
