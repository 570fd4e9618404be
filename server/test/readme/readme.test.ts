/** The README says only what holds: its tables are compared with the code, its examples are run. */
import { spawnSync } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { startChild } from '../support/start-child.ts';
import { certificateIn } from '../../../scripts/lib/certificate.mjs';
import { startCluster } from '../support/start-cluster.ts';
import { freePort } from '../support/free-port.ts';
import { settingDocs } from '../../src/settings.ts';
import { claimsOf, secretToken } from '../support/tokens.ts';
import { startEmbeddedCluster, type EmbeddedCluster } from '../support/embedded-cluster.ts';
import { systemPython } from '../support/python.ts';
import { until } from '../support/until.ts';
import { example, ownAddress, readme, root, runExample } from './examples.ts';

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
  beforeAll(async () => {
    cluster = await startEmbeddedCluster({ API_KEYS: 'my-own-secret-key', UPDATE_INTERVAL: '50' });
  });
  afterAll(() => cluster.close());

  it('shows a stock client in Node that prints prices', async () => {
    const code = example('js', 'emitWithAck').replaceAll(ownAddress, cluster.url);
    const child = await runExample(code);
    await until(() => child.logs().filter((line) => /^(BTC-USD|AAPL) [\d.]+ \d+$/.test(line)).length >= 6, {
      withinMs: 10_000,
      saw: () => child.logs(),
    });
    expect(child.logs()).toContain('subscribed to BTC-USD, AAPL');
  });

  it('shows how to go on from where one was', async () => {
    const before = `import { io } from 'socket.io-client'; const socket = io('${cluster.url}');
      const [gen, seq] = ['none', 0]; const show = (answer) => console.log(JSON.stringify(answer));`;
    const child = await runExample(before + example('js', 'since'));
    await until(() => child.logs().some((line) => line.includes('"recovered":false')), {
      withinMs: 10_000,
      saw: () => child.logs(),
    });
  });

  it('shows how to take fewer ticks', async () => {
    const before = `import { io } from 'socket.io-client'; const socket = io('${cluster.url}');`;
    const child = await runExample(before + example('js', 'everyMs'));
    const merged = /^(BTC-USD|AAPL) [\d.]+, from [\d.]+ to [\d.]+ in ([5-9]|\d\d) ticks$/;
    await until(() => child.logs().filter((line) => merged.test(line)).length >= 2, {
      withinMs: 10_000,
      saw: () => child.logs(),
    });
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
      ${example('js', 'auth: async').replaceAll(ownAddress, own.url)}
      await new Promise((resolve) => socket.once('hello', resolve));
      ${example('js', 'refresh_token')}`;
    const child = await runExample(code);
    await until(() => child.logs().some((line) => line.startsWith('stays until 20')), {
      withinMs: 10_000,
      saw: () => child.logs(),
    });
    expect(child.logs()[0]).toMatch(/^signed in as ann until 20.*Z$/);
  });

  it('shows a plain client in Python that prints prices', async () => {
    const address = cluster.url.replace(/^http/, 'ws').replace(/\/$/, '');
    const child = await startChild({
      name: 'example',
      command: systemPython,
      args: ['-u', '-c', example('python', 'create_connection').replaceAll('ws://localhost:8080', address)],
    });
    onTestFinished(() => child.kill('SIGKILL'));
    for (const symbol of ['BTC-USD', 'AAPL']) {
      const line = new RegExp(`^${symbol} [\\d.]+ \\d+$`);
      await until(() => child.logs().filter((text) => line.test(text)).length >= 3, {
        withinMs: 10_000,
        saw: () => child.logs(),
      });
    }
  });

  it('shows a certificate made and a stock client that trusts it', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tickwire-certs-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
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
    await until(() => child.logs().filter((line) => /^BTC-USD [\d.]+$/.test(line)).length >= 3, {
      withinMs: 10_000,
      saw: () => child.logs(),
    });
  });

  it('shows a stock client in a browser that prints prices', async () => {
    let html = '';
    const pages = createServer((_request, response) =>
      response.setHeader('Content-Type', 'text/html').end(html),
    );
    await new Promise<void>((resolve) => pages.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void pages.close());
    const origin = `http://127.0.0.1:${(pages.address() as AddressInfo).port}`;
    const own = await startEmbeddedCluster({ CORS_ORIGIN: origin });
    onTestFinished(() => own.close());
    html = example('html', '<script').replaceAll(ownAddress, own.url.replace(/\/$/, ''));

    const browser = await chromium.launch({
      executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
      ],
    });
    onTestFinished(() => browser.close());
    const page = await browser.newPage();
    await page.goto(origin);
    await until(async () => /(BTC-USD [\d.]+\n[^]*){3}/.test((await page.textContent('#prices')) ?? ''), {
      withinMs: 10_000,
    });
  });

  it('shows limits of an address, and pages of other origins that may not connect', async () => {
    const [, settings = ''] = /`([^`]+) npm start`, and ask six times/.exec(readme) ?? [];
    const env = Object.fromEntries(settings.split(' ').map((one) => one.split('=') as [string, string]));
    const limited = await startEmbeddedCluster(env);
    onTestFinished(() => limited.close());
    const run = (containing: string, { url }: { url: string }): string => {
      const command = example('sh', containing).replaceAll(ownAddress, url.replace(/\/$/, ''));
      return spawnSync('sh', ['-c', command], { encoding: 'utf8' }).stdout;
    };
    expect(run('try=[1-6]', limited)).toBe('200\n'.repeat(5) + '429\n');
    expect(run('elsewhere', cluster)).toBe('403\n');
  });

  it('shows a push by curl that reaches clients, once', async () => {
    const command = example('sh', 'curl -X PUT').replaceAll(ownAddress, cluster.url.replace(/\/$/, ''));
    const run = async (): Promise<string> => {
      const child = await startChild({ name: 'curl', command: 'sh', args: ['-c', command] });
      await child.ended;
      return child.logs().join('\n');
    };
    // Each worker takes a moment to know the leader, and says 503 till then; the key makes every repetition the same push.
    const counted = /\{"accepted":1,"ticks":\[\{"symbol":"DEMO","gen":"[\w-]{6}","seq":1\}\]\}/;
    for (let time = 0; time < 3; time++)
      await until(async () => counted.test(await run()), { withinMs: 10_000 });
    const read = await fetch(`${cluster.url}api/ticks?symbols=DEMO`);
    expect(await read.json()).toMatchObject({
      quotes: [{ symbol: 'DEMO', price: '12.50', seq: 1, volume: '3' }],
    });
  });

  it('shows a backend that proves where events come from, and a client that gets its answer', async () => {
    const secret = 'dummy-backend-secret-of-32-bytes-1';
    const port = await freePort();
    const url = `http://127.0.0.1:${port}/`;
    expect(example('sh', 'node backend.mjs')).toMatch(
      /BACKEND_SECRET="\$\(openssl rand -hex 32\)"\nnode backend.mjs &\nBACKEND_URL=http:\/\/127.0.0.1:9000\/ npm start\n$/,
    );
    const run = (code: string) => runExample(code, { ...process.env, BACKEND_SECRET: secret });
    const backend = await run(example('js', 'timingSafeEqual').replace('9000', String(port)));
    const post = (headers: Record<string, string>, body: string): Promise<number> =>
      fetch(url, { method: 'POST', headers, body }).then(({ status }) => status);
    await until(
      () =>
        post({}, '{}').then(
          (status) => status === 401,
          () => false,
        ),
      { withinMs: 10_000 },
    );

    const own = await startEmbeddedCluster({ BACKEND_URL: url, BACKEND_SECRET: secret });
    onTestFinished(() => own.close());
    const client = await run(
      `import { io } from 'socket.io-client';
      const socket = io('${own.url}', { auth: { userId: 'ann' } });
      ${example('js', "emit('order'")}`,
    );
    await until(() => client.logs().includes('order AAPL-1'), { withinMs: 10_000, saw: () => client.logs() });
    expect(backend.logs()).toEqual(['ann: connect', 'ann: order']);

    const body = JSON.stringify({ id: 'r1', event: 'order', data: { symbol: 'A' }, user: 'eve' });
    const signed = (secondsAgo: number, by = secret): Record<string, string> => {
      const t = Math.floor(Date.now() / 1_000) - secondsAgo;
      const digest = createHmac('sha256', by).update(`${t}.${body}`).digest('hex');
      return { 'Tickwire-Signature': `t=${t},v1=${digest}` };
    };
    expect(await post(signed(0, 'another secret'), body)).toBe(401);
    expect(await post(signed(301), body)).toBe(401);
    expect(await post(signed(1), body)).toBe(200);
    expect(await post(signed(0), body)).toBe(409);
  });

  it('shows how symbols are added and retired by curl, and a stock client that goes along', async () => {
    const stock = example('js', 'emitWithAck') + example('js', "socket.on('symbols'");
    const client = await startChild({
      name: 'client',
      command: process.execPath,
      args: ['--input-type=module', '--eval', stock.replaceAll(ownAddress, cluster.url)],
      cwd: root,
    });
    onTestFinished(() => client.kill('SIGKILL'));
    await until(() => client.logs().some((line) => line.startsWith('subscribed to')), { withinMs: 10_000 });
    const command = example('sh', '/api/symbols/').replaceAll(ownAddress, cluster.url.replace(/\/$/, ''));
    // Until a worker knows the leader it says 503.
    const answers = [
      '{"symbol":"INITECH","state":"listed","feed":"push"}',
      '{"symbol":"KO","state":"retired"}',
    ];
    await until(
      async () => {
        const curl = await startChild({ name: 'curl', command: 'sh', args: ['-c', command] });
        await curl.ended;
        return answers.every((answer) => curl.logs().join('\n').includes(answer));
      },
      { withinMs: 10_000 },
    );
    await until(() => client.logs().includes('added: none retired: KO'), { saw: client.logs });
    expect(client.logs()).toContain('added: INITECH retired: none');
    const pushed = await fetch(`${cluster.url}api/ticks`, {
      method: 'PUT',
      headers: { 'X-API-Key': 'my-own-secret-key', 'Content-Type': 'application/json' },
      body: '[{"symbol":"INITECH","price":"7.50"}]',
    });
    expect(pushed.status).toBe(200);
    await until(() => client.logs().some((line) => line.startsWith('INITECH 7.50 1')), { saw: client.logs });
    expect((await fetch(`${cluster.url}api/ticks?symbols=KO`)).status).toBe(410);
  });

  it('shows messages and quotes to a user, and what a backend sends by curl', async () => {
    const address = cluster.url.replace(/\/$/, '');
    const child = await runExample(example('js', 'send_message').replaceAll(ownAddress, address));
    const shown = (line: RegExp): Promise<boolean> =>
      until(() => child.logs().some((one) => line.test(one)), {
        withinMs: 10_000,
        saw: () => child.logs(),
      });
    await shown(/^ann wrote hello$/);
    await shown(/^sent to 1 session$/);
    await shown(/^quote BTC-USD [\d.]+$/);
    const command = example('sh', 'api/message').replaceAll(ownAddress, address);
    const curl = await startChild({ name: 'curl', command: 'sh', args: ['-c', command] });
    await curl.ended;
    expect(curl.logs().join('\n')).toContain('{"delivered":1}');
    await shown(/^order 7 filled$/);
  });

  it('shows a log in files, in which a request is found by its id', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tickwire-logs-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const [settings = ''] = example('sh', 'LOG_TO_FILE').split(' npm start');
    const env = Object.fromEntries(settings.split(' ').map((one) => one.split('=') as [string, string]));
    const logs = join(folder, env['LOG_DIR'] ?? '');
    const own = await startEmbeddedCluster({ ...env, LOG_DIR: logs, NODE_ID: '' });
    onTestFinished(() => own.close());
    const [call = '', find = ''] = example('sh', 'X-Request-Id')
      .replaceAll(`${ownAddress}/`, own.url)
      .split('\n');
    const run = (command: string): string =>
      spawnSync('sh', ['-c', command], { cwd: folder, encoding: 'utf8' }).stdout;
    expect(JSON.parse(run(call))).toHaveProperty('quotes');
    const line = await until(() => run(find) || null);
    expect(JSON.parse(line)).toMatchObject({ req: { id: 'order-7' }, msg: 'GET answered with 200' });
  });

  it('shows how the cluster is', async () => {
    const command = example('sh', 'npm run status').replace(ownAddress, cluster.url);
    const run = () => spawnSync('sh', ['-c', command], { cwd: root, encoding: 'utf8' });
    // The workers take a moment to know each other, and that the clients of other tests are gone.
    const isComplete = (text: string) => / 0 clients,[^]*^replica-1 [^]*^replica-2 /m.test(text);
    const shown = await until(() => (isComplete(run().stdout) ? run() : null), {
      withinMs: 15_000,
      saw: () => run(),
    });
    expect(shown.status).toBe(0);
    expect(shown.stdout).toMatch(/ ok: 2 replicas, 0 clients, backplane local up$/m);
    expect(shown.stdout).toMatch(/^replica-\d +serving +0 +leader, epoch 1$/m);
    expect(shown.stdout).toMatch(/^simulator +live +\d+ +\d\.\d s$/m);
  });
});
