/** `npm run status` as a program, asking true clusters in good and in bad times, and what is none. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders, type RequestListener } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { certificateIn, makeCertificate } from '../../../scripts/lib/certificate.mjs';
import { startChild } from '../support/start-child.ts';
import { freePort } from '../support/free-port.ts';
import type { ClusterStatus } from '../../../scripts/lib/status-call.mjs';
import { listen } from '../../src/support/listen.ts';
import { until } from '../support/until.ts';
import { apiKey, startClusterUnderTest } from './cluster-under-test.ts';

const program = join(import.meta.dirname, '../../../scripts/status.mjs');
const withKey = { TICKWIRE_API_KEY: apiKey };

interface Run {
  code: number | null;
  /** Both outputs, which a person sees together. */
  said: string;
}

async function run(args: readonly string[], env: Record<string, string> = {}): Promise<Run> {
  const child = await startChild({
    name: 'status',
    command: process.execPath,
    args: [program, ...args],
    env: { PATH: process.env['PATH'] ?? '', ...env },
  });
  const { code } = await child.ended;
  return { code, said: child.logs().join('\n') };
}

/** What `--json` tells. */
async function asked(
  url: string,
  args: readonly string[] = [],
): Promise<{ code: number | null; status: ClusterStatus & { ok: boolean; problems: string[] } }> {
  const { code, said } = await run(['--url', url, '--json', ...args], withKey);
  return { code, status: JSON.parse(said) as ClusterStatus & { ok: boolean; problems: string[] } };
}

/** A server on loopback that answers so, ended with the test. */
async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${await listen(server, { host: '127.0.0.1', port: 0 })}/`;
}

describe('npm run status', () => {
  it('tells of every replica, of one that died, and of a Redis that hangs', async () => {
    const cluster = await startClusterUnderTest();
    const client = cluster.connect();
    await client.seen('hello');
    // Each replica takes a moment to know the others, and the one that leads.
    await until(async () => (await asked(cluster.url, ['--nodes', '3'])).code === 0, {
      withinMs: 20_000,
      saw: () => run(['--url', cluster.url], withKey),
    });
    const { code, status } = await asked(cluster.url, ['--nodes', '3']);
    expect([code, status.ok, status.problems]).toEqual([0, true, []]);
    expect(status.nodes.map(({ node, state }) => `${node} ${state}`)).toEqual([
      'r1 serving',
      'r2 serving',
      'r3 serving',
    ]);
    expect(status.clients).toBe(1);
    const [simulator] = status.feeds;
    expect(simulator).toMatchObject({ name: 'simulator', state: 'live' });
    expect(simulator?.tickAgeMs).toBeLessThan(5_000);

    const text = await run(['--url', cluster.url], withKey);
    expect(text.code).toBe(0);
    expect(text.said).toMatch(/ ok: 3 replicas, 1 client, backplane redis up\n/);
    expect(text.said).toMatch(/^r\d +serving +\d +leader, epoch \d+$/m);
    expect(text.said).not.toContain('\u001b');

    const one = await run(['--url', cluster.url]);
    expect(one.code).toBe(0);
    expect(one.said).toContain('of the replica that answered');

    const leader = await cluster.leader();
    await leader.kill('SIGKILL');
    await until(
      async () => {
        const seen = await asked(cluster.url, ['--nodes', '3']);
        return seen.code === 1 && seen.status.problems.join() === '2 of 3 replicas serve';
      },
      { withinMs: 20_000, saw: () => asked(cluster.url, ['--nodes', '3']) },
    );
    // Nobody asked for three: two are well.
    expect((await asked(cluster.url)).code).toBe(0);

    await cluster.redis.kill('SIGSTOP');
    onTestFinished(() => cluster.redis.kill('SIGCONT'));
    const away = await until(
      async () => {
        const seen = await run(['--url', cluster.url], withKey);
        return seen.code === 1 && seen.said.includes('! the backplane is away') ? seen : null;
      },
      { withinMs: 20_000 },
    );
    expect(away.said).toContain('! prices are not live');
    expect(away.said).toMatch(
      / not ok: 1 replica, \d clients? of the replica that answered, backplane redis down/,
    );
    await cluster.redis.kill('SIGCONT');
    await until(async () => (await asked(cluster.url)).code === 0, { withinMs: 20_000 });

    const wrong = await run(['--url', cluster.url], { TICKWIRE_API_KEY: 'dummy-wrong-key' });
    expect(wrong).toEqual({ code: 2, said: `the API key is not taken by ${cluster.url}/` });
  });

  it('tells of prices that are not live, and of a leader that is gone while nobody took over', async () => {
    const cluster = await startClusterUnderTest({ replicas: 2, env: { LEASE_TTL_MS: '60000' } });
    await until(async () => (await asked(cluster.url, ['--nodes', '2'])).code === 0, { withinMs: 20_000 });
    const leader = await cluster.leader();
    await leader.kill('SIGKILL');
    const { status } = await until(
      async () => {
        const seen = await asked(cluster.url);
        return seen.code === 1 && seen.status.problems.length === 2 ? seen : null;
      },
      { withinMs: 20_000, saw: () => asked(cluster.url) },
    );
    expect(status.problems).toEqual([
      `the leader ${leader.node} is gone`,
      expect.stringMatching(/^prices are not live: ./) as string,
    ]);
    expect(status.backplane.state).toBe('up');
    for (const replica of cluster.replicas) await replica.kill('SIGKILL');
    const nobody = await run(['--url', cluster.url], withKey);
    expect(nobody.code).toBe(2);
    expect(nobody.said).toMatch(/ answers 50\d to \/health: no replica is behind it$/);
  });

  it('ends with 2 where nobody answers, where it is not Tickwire that does, and where an answer does not come', async () => {
    const nobody = `http://127.0.0.1:${await freePort()}/`;
    const refused = await run(['--url', nobody]);
    expect(refused.code).toBe(2);
    expect(refused.said).toMatch(new RegExp(`^${nobody} cannot be reached: .*ECONNREFUSED`));
    const refusedAsJson = await run(['--url', nobody, '--json']);
    expect(JSON.parse(refusedAsJson.said)).toEqual({ ok: false, error: refused.said });

    const page = await serve((_req, res) => res.end('<!doctype html>'));
    const object = await serve((_req, res) => res.end('{"status":"ok"}'));
    const missing = await serve((_req, res) => res.writeHead(404).end());
    for (const url of [page, object, missing])
      expect(await run(['--url', url])).toMatchObject({
        code: 2,
        said: expect.stringContaining('does not seem to be Tickwire') as string,
      });

    const silent = await serve(() => {});
    expect(await run(['--url', silent])).toEqual({
      code: 2,
      said: `${silent} cannot be reached: 3 times no answer within 2 seconds`,
    });
  });

  it('through Nginx is answered by another replica than the one that hangs, and says that one does', async () => {
    const cluster = await startClusterUnderTest();
    await until(async () => (await asked(cluster.url, ['--nodes', '3'])).code === 0, { withinMs: 20_000 });
    const leader = await cluster.leader();
    const frozen = cluster.replicas.find((replica) => replica !== leader);
    await frozen?.kill('SIGSTOP');
    onTestFinished(() => frozen?.kill('SIGCONT'));
    const hanging = 'a replica may hang: a request got no answer, until asked again';
    await until(
      async () => {
        const { code, status } = await asked(cluster.url, ['--nodes', '3']);
        // Each run is answered, whomever it meets.
        expect(code).toBe(1);
        return status.problems.includes(hanging) && status.problems.includes('2 of 3 replicas serve');
      },
      { withinMs: 30_000, saw: () => asked(cluster.url) },
    );
    const itself = await run(['--url', frozen?.url ?? ''], withKey);
    expect(itself).toEqual({
      code: 2,
      said: `${frozen?.url}/ cannot be reached: 3 times no answer within 2 seconds`,
    });
  });

  it('trusts a certificate that it is told of, and says what to do about another', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tickwire-certs-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    await makeCertificate({ folder });
    const tls = certificateIn(folder);
    const cluster = await startClusterUnderTest({ replicas: 1, tls });
    const url = cluster.tlsUrl ?? '';
    await until(async () => (await asked(cluster.url)).code === 0, { withinMs: 20_000 });
    const trusting = await run(['--url', url], { ...withKey, NODE_EXTRA_CA_CERTS: tls.certificate });
    expect([trusting.code, trusting.said]).toEqual([0, expect.stringContaining(' ok: 1 replica,')]);
    expect(await run(['--url', url], withKey)).toMatchObject({
      code: 2,
      said: expect.stringMatching(/its certificate is not trusted \(.+\); NODE_EXTRA_CA_CERTS=/) as string,
    });
    expect(await run(['--url', url.replace('https:', 'http:')], withKey)).toEqual({
      code: 2,
      said: `${url.replace('https:', 'http:')}/ answers 400 to /health: it does not seem to be Tickwire, or takes https alone`,
    });
    expect(await run(['--url', cluster.url.replace('http:', 'https:')], withKey)).toEqual({
      code: 2,
      said: `${cluster.url.replace('http:', 'https:')}/ cannot be reached: it does not speak TLS; is it http?`,
    });
  });

  it('ends with 2 where what it found cannot be written, and not where its reader reads no further', async () => {
    const cluster = await startClusterUnderTest({ replicas: 1 });
    await until(async () => (await asked(cluster.url)).code === 0, { withinMs: 20_000 });
    const shell = (command: string) =>
      spawnSync('bash', ['-o', 'pipefail', '-c', command], {
        env: { ...process.env, ...withKey, RUN: `${process.execPath} ${program} --url ${cluster.url}` },
        encoding: 'utf8',
      });
    for (const flags of ['', ' --json']) {
      const full = shell(`$RUN${flags} > /dev/full`);
      expect([full.status, full.stderr]).toEqual([
        2,
        expect.stringMatching(/^what was found cannot be written: .*ENOSPC/),
      ]);
    }
    expect(shell('$RUN | true')).toMatchObject({ status: 0, stderr: '' });
  });

  it('takes the key nowhere else', async () => {
    const seen: IncomingHttpHeaders[] = [];
    const other = await serve((req, res) => {
      seen.push(req.headers);
      res.end('{}');
    });
    const redirecting = await serve((_req, res) => res.writeHead(302, { Location: other }).end());
    expect((await run(['--url', redirecting], withKey)).code).toBe(2);
    expect(seen).toEqual([]);
  });

  it('ends with 2 and its usage for arguments that are none, and with 0 for who asks for help', async () => {
    const bad = await run(['--url', 'nowhere']);
    expect(bad.code).toBe(2);
    expect(bad.said).toMatch(/^--url must be an address[^]*npm run status -- /);
    const help = await run(['--help']);
    expect(help.code).toBe(0);
    expect(help.said).toMatch(/^npm run status -- /);
  });
});
