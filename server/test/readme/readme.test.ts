/** The README says only what holds: its tables are compared with the code, its examples are run. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { certificateIn } from '../../../scripts/lib/certificate.mjs';
import { settingDocs } from '../../src/settings.ts';
import { readApiDocument } from '../support/checks/api-document.ts';
import { startEmbeddedCluster, type EmbeddedCluster } from '../support/processes/embedded-cluster.ts';
import { systemPython } from '../support/processes/python.ts';
import { createRecorder } from '../support/clients/recorder.ts';
import { startCluster } from '../support/processes/start-cluster.ts';
import { claimsOf, secretToken } from '../support/stand-ins/tokens.ts';
import { until } from '../support/until.ts';
import { example, exampleAt, expectPrinted, readme, root, runExample, shell, socketTo } from './examples.ts';

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tickwire-readme-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** What a command sets before its program, as `A=1 B=2`. */
const settingsIn = (text: string): Record<string, string> =>
  Object.fromEntries(text.split(' ').map((one) => one.split('=') as [string, string]));

describe('the README', () => {
  it('has a row for every setting, as config.ts has it, and .env.example too', async () => {
    const rows = settingDocs.map(
      ({ name, fallback, doc }) => `| \`${name}\` | ${fallback === '' ? '' : `\`${fallback}\` `}| ${doc} |`,
    );
    const shown = readme.split('\n').filter((line) => /^\| `[A-Z_]+` \|/.test(line));
    expect(shown).toEqual(rows);
    const sample = await readFile(join(root, '.env.example'), 'utf8');
    expect(
      sample
        .split('\n\n')
        .slice(1)
        .map((entry) => entry.trim()),
    ).toEqual(settingDocs.map(({ name, fallback, doc }) => `# ${doc}\n#${name}=${fallback}`));
  });

  it('says why for every dependency', async () => {
    const { dependencies, devDependencies } = JSON.parse(
      await readFile(join(root, 'package.json'), 'utf8'),
    ) as Record<string, Record<string, string>>;
    const reasons = readme.slice(readme.indexOf('## Why each dependency'));
    for (const name of Object.keys({ ...dependencies, ...devDependencies }))
      expect(reasons).toContain(`\`${name}\``);
  });

  it('names only files that exist, and npm scripts that there are', async () => {
    for (const [, path = ''] of readme.matchAll(/\]\((?!http)([^)]+)\)/g)) await readFile(join(root, path));
    const { scripts } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as {
      scripts: Record<string, string>;
    };
    for (const [, name = ''] of readme.matchAll(/npm run ([\w:]+)/g))
      expect(Object.keys(scripts)).toContain(name);
  });

  /** For the examples that need no settings of their own. */
  let cluster: EmbeddedCluster;
  /** A page of another origin, which may connect. */
  let html = '';
  const pages = createServer((_request, response) =>
    response.setHeader('Content-Type', 'text/html').end(html),
  );
  let origin: string;
  beforeAll(async () => {
    await new Promise<void>((resolve) => pages.listen(0, '127.0.0.1', resolve));
    origin = `http://127.0.0.1:${(pages.address() as AddressInfo).port}`;
    cluster = await startEmbeddedCluster({
      API_KEYS: 'my-own-secret-key',
      UPDATE_INTERVAL: '50',
      CORS_ORIGIN: origin,
    });
  });
  afterAll(async () => {
    pages.close();
    await cluster.close();
  });

  it('names every call of the API, and shows some by curl', async () => {
    const { operations } = await readApiDocument(cluster.url);
    const section = readme.slice(readme.indexOf('## HTTP API'), readme.indexOf('## Bridge'));
    const named = [...section.matchAll(/`((?:GET|PUT|POST|DELETE) [^`]+)`/g)].map(([, call = '']) => call);
    expect(named.toSorted()).toEqual(operations.map(({ method, path }) => `${method} ${path}`).toSorted());

    const ann = createRecorder(cluster.url, { auth: { userId: 'ann' } });
    onTestFinished(() => ann.close());
    await ann.seen('feed', 1, 10_000);
    const health = async () => JSON.stringify(await (await fetch(`${cluster.url}health`)).json());
    await until(async () => (await health()).includes('"ok"'), { withinMs: 10_000, saw: health });
    const answers = shell(exampleAt(cluster, 'sh', 'feed/pause'))
      .trim()
      .split('\n');
    expect(answers.map((line): unknown => JSON.parse(line))).toEqual([
      expect.objectContaining({ users: [{ user: 'ann', connections: 1 }] }),
      { feed: 'paused', changed: true },
      { feed: 'running', changed: true },
      { disconnected: 1 },
    ]);
    await ann.seen('refused');
    expect(ann.of('refused')).toMatchObject([{ name: 'disconnected' }]);
  });

  it('shows the replicas to everybody, and with an API key their details', async () => {
    const child = await runExample(
      socketTo(cluster) + example('js', "socket.emit('watch'") + exampleAt(cluster, 'js', 'apiKey'),
    );
    await expectPrinted(child, /^replica-\d leads: \d connections of 0 users and \d without a name$/);
    await expectPrinted(child, /^replica-\d serving: /);
    await expectPrinted(child, /^replica-1 .*\d+ ticks out \d+ ms late$/);
    await expectPrinted(child, /^replica-2 .*\d+ ticks out \d+ ms late$/);
    const ann = createRecorder(cluster.url, { transports: ['websocket'], auth: { userId: 'ann' } });
    onTestFinished(() => ann.close());
    await ann.subscribe(['BTC-USD']);
    await expectPrinted(child, / of 1 users and \d without a name$/);
    await expectPrinted(child, /^replica-\d \{ 'BTC-USD': \{ '0': 1 \} \} \d+ ticks out \d+ ms late$/);
    expect(child.logs().join('\n')).not.toContain('Error');
  });

  it('shows a stock client in Node that prints prices, goes on from where it was, and takes fewer ticks', async () => {
    const child = await runExample(exampleAt(cluster, 'js', 'emitWithAck'));
    await expectPrinted(child, /^(BTC-USD|AAPL) [\d.]+ \d+$/, 6);
    expect(child.logs()).toContain('subscribed to BTC-USD, AAPL');

    const before = `const [gen, seq] = ['none', 0]; const show = (answer) => console.log(JSON.stringify(answer));`;
    const resuming = await runExample(socketTo(cluster) + before + example('js', 'since'));
    await expectPrinted(resuming, /"recovered":false/);

    const slower = await runExample(socketTo(cluster) + example('js', 'everyMs'));
    const merged = /^(BTC-USD|AAPL) [\d.]+, from [\d.]+ to [\d.]+ in ([5-9]|\d\d) ticks$/;
    await expectPrinted(slower, merged, 2);
  });

  it('shows how to sign in, and how to stay', async () => {
    const command = example('sh', 'AUTH_MODE=jwt');
    expect(command).toMatch(/\nAUTH_MODE=jwt npm start\n$/);
    const making = spawnSync('sh', ['-c', command.replace('AUTH_MODE=jwt npm start', 'echo "$JWT_SECRET"')], {
      cwd: root,
      encoding: 'utf8',
    });
    const [shownToken = '', secret = ''] = making.stdout.split('\n');
    const own = await startEmbeddedCluster({ AUTH_MODE: 'jwt', JWT_SECRET: secret });
    onTestFinished(() => own.close());
    const quote = async (symbol: string): Promise<number> => {
      const headers = { Authorization: `Bearer ${shownToken}` };
      return (await fetch(new URL(`/api/ticks?symbols=${symbol}`, own.url), { headers })).status;
    };
    expect([await quote('BTC-USD'), await quote('MSFT'), making.stderr]).toEqual([200, 403, '']);
    const tokens = JSON.stringify(
      [60, 600].map((endsInS) => secretToken(claimsOf('ann', { endsInS }), { secret })),
    );
    const code = `import { io } from 'socket.io-client';
      const tokens = ${tokens};
      const getToken = async () => tokens.shift();
      ${exampleAt(own, 'js', 'auth: async')}
      await new Promise((resolve) => socket.once('hello', resolve));
      ${example('js', 'refresh_token')}`;
    const child = await runExample(code);
    await expectPrinted(child, /^stays until 20/);
    expect(child.logs()[0]).toMatch(/^signed in as ann until 20.*Z$/);
  });

  it('shows a plain client in Python that prints prices', async () => {
    const code = exampleAt(cluster, 'python', 'create_connection');
    const child = await runExample(code, { command: systemPython, args: ['-u', '-c'] });
    const priced = (symbol: string) =>
      child.logs().filter((line) => new RegExp(`^${symbol} [\\d.]+ \\d+$`).test(line)).length;
    await until(() => priced('BTC-USD') >= 3 && priced('AAPL') >= 3, {
      withinMs: 10_000,
      saw: () => child.logs(),
    });
  });

  it('shows a certificate made and a stock client that trusts it', async () => {
    const folder = newFolder();
    const made = spawnSync('sh', ['-c', example('sh', 'npm run cert')], {
      cwd: root,
      env: { ...process.env, CERTS_DIR: folder },
      encoding: 'utf8',
    });
    expect(made.stdout).toContain('DNS:prices.lan');
    const own = await startCluster({ replicas: 1, tls: certificateIn(folder) });
    onTestFinished(() => own.stop());
    const { port } = new URL(own.tlsUrl ?? '');
    const code = example('js', 'readFileSync')
      .replace('localhost:8443', `localhost:${port}`)
      .replace('certs/cert.pem', certificateIn(folder).certificate);
    const child = await runExample(code);
    await expectPrinted(child, /^BTC-USD [\d.]+$/, 3);
  });

  it('shows a stock client in a browser that prints prices', async () => {
    html = exampleAt(cluster, 'html', '<script');
    const browser = await chromium.launch({
      executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
      args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--disable-background-networking'],
    });
    onTestFinished(() => browser.close());
    const page = await browser.newPage();
    await page.goto(origin);
    await until(async () => /(BTC-USD [\d.]+\n[^]*){3}/.test((await page.textContent('#prices')) ?? ''), {
      withinMs: 10_000,
    });
  });

  it('shows pages of other origins that may not connect', () => {
    expect(shell(exampleAt(cluster, 'sh', 'elsewhere'))).toBe('403\n');
  });

  it('shows limits of an address, and a log in files, in which a request is found by its id', async () => {
    const [, limits = ''] = /`([^`]+) npm start`, and ask six times/.exec(readme) ?? [];
    const [logging = ''] = example('sh', 'LOG_TO_FILE').split(' npm start');
    const env = settingsIn(`${limits} ${logging} NODE_ID=`);
    const folder = newFolder();
    const own = await startEmbeddedCluster({ ...env, LOG_DIR: join(folder, env['LOG_DIR'] ?? '') });
    onTestFinished(() => own.close());
    expect(shell(exampleAt(own, 'sh', 'try=[1-6]'))).toBe('200\n'.repeat(5) + '429\n');

    const [call = '', find = ''] = exampleAt(own, 'sh', 'X-Request-Id').split('\n');
    expect(JSON.parse(shell(call))).toHaveProperty('quotes');
    const line = await until(() => shell(find, folder) || null);
    expect(JSON.parse(line)).toMatchObject({ req: { id: 'order-7' }, msg: 'GET answered with 200' });
  });

  it('shows a push by curl that reaches clients, once', async () => {
    const push = () => shell(exampleAt(cluster, 'sh', 'curl -X PUT'));
    // Each worker takes a moment to know the leader, and says 503 till then; the key makes every repetition the same push.
    const counted = /\{"accepted":1,"ticks":\[\{"symbol":"DEMO","gen":"[\w-]{6}","seq":1\}\]\}/;
    for (let time = 0; time < 3; time++)
      await until(() => counted.test(push()), { withinMs: 10_000, saw: push });
    const read = await fetch(`${cluster.url}api/ticks?symbols=DEMO`);
    expect(await read.json()).toMatchObject({
      quotes: [{ symbol: 'DEMO', price: '12.50', seq: 1, volume: '3' }],
    });
  });

  it('shows how symbols are added and retired by curl, and a stock client that goes along', async () => {
    const stock = exampleAt(cluster, 'js', 'emitWithAck') + example('js', "socket.on('symbols'");
    const client = await runExample(stock);
    await expectPrinted(client, /^subscribed to/);
    // Until a worker knows the leader it says 503.
    const answers = [
      '{"symbol":"INITECH","state":"listed","feed":"push"}',
      '{"symbol":"KO","state":"retired"}',
    ];
    const change = (): string => shell(exampleAt(cluster, 'sh', '/api/symbols/'));
    await until(
      () => {
        const text = change();
        return answers.every((answer) => text.includes(answer));
      },
      { withinMs: 10_000, saw: change },
    );
    await expectPrinted(client, /^added: none retired: KO$/);
    expect(client.logs()).toContain('added: INITECH retired: none');
    const pushed = await fetch(`${cluster.url}api/ticks`, {
      method: 'PUT',
      headers: { 'X-API-Key': 'my-own-secret-key', 'Content-Type': 'application/json' },
      body: '[{"symbol":"INITECH","price":"7.50"}]',
    });
    expect(pushed.status).toBe(200);
    await expectPrinted(client, /^INITECH 7\.50 1/);
    expect((await fetch(`${cluster.url}api/ticks?symbols=KO`)).status).toBe(410);
  });

  it('shows messages and quotes to a user, and what a backend sends by curl', async () => {
    // The quote call is answered 503 while a worker is too busy to say whether it has the session.
    const child = await until(
      async () => {
        const run = await runExample(exampleAt(cluster, 'js', 'send_message'));
        await expectPrinted(run, /^quote call \d+$/);
        if (!run.logs().includes('quote call 503')) return run;
        await run.kill('SIGKILL');
        return null;
      },
      { withinMs: 30_000 },
    );
    await expectPrinted(child, /^quote call 200$/);
    await expectPrinted(child, /^ann wrote hello$/);
    await expectPrinted(child, /^sent to 1 session$/);
    await expectPrinted(child, /^quote BTC-USD [\d.]+$/);
    expect(shell(exampleAt(cluster, 'sh', 'api/message'))).toContain('{"delivered":1}');
    await expectPrinted(child, /^order 7 filled$/);
  });

  it('shows how the cluster is, and how to read metrics, which have a line for each worker', async () => {
    const command = exampleAt(cluster, 'sh', 'npm run status');
    const run = () => spawnSync('sh', ['-c', command], { cwd: root, encoding: 'utf8' });
    // The workers take a moment to know each other, and that the clients of other tests are gone.
    const isComplete = (text: string) => / 0 clients,[^]*^replica-1 [^]*^replica-2 /m.test(text);
    const shown = await until(() => (isComplete(run().stdout) ? run() : null), {
      withinMs: 15_000,
      saw: () => run(),
    });
    expect(shown.status).toBe(0);
    expect(shown.stdout).toMatch(/ ok: 2 replicas, 0 clients, backplane local up$/m);
    expect(shown.stdout).toMatch(/^replica-\d +serving +0 +leader, epoch \d+$/m);
    expect(shown.stdout).toMatch(/^simulator +live +\d+ +\d\.\d s$/m);
    const metrics = shell(exampleAt(cluster, 'sh', '/metrics'))
      .trim()
      .split('\n');
    expect(metrics.toSorted()).toEqual(
      ['replica-1', 'replica-2'].map((node) => `socket_connections_active{node="${node}"} 0`),
    );
  });

  it.skipIf(spawnSync('docker', ['compose', 'version']).status !== 0)(
    'shows how to start Prometheus and Grafana beside the cluster',
    () => {
      const command = example('sh', '--profile observability');
      expect(command).toBe('docker compose --profile observability up --build\n');
      const checked = command.replace('up --build', 'config --services');
      const { stdout, status } = spawnSync('sh', ['-c', checked], { cwd: root, encoding: 'utf8' });
      expect([status, stdout.trim().split('\n').toSorted()]).toEqual([
        0,
        ['grafana', 'nginx', 'prometheus', 'redis', 'replica'],
      ]);
    },
  );
});
