/** `npm run status` as a program, against the shared cluster and against servers that are not Tickwire. */
import { spawnSync } from 'node:child_process';
import { createServer, type IncomingHttpHeaders, type RequestListener } from 'node:http';
import { describe, expect, it, onTestFinished } from 'vitest';
import { listen } from '../../src/support/listen.ts';
import { freePort } from '../support/processes/free-port.ts';
import { runStatus, statusOf, statusProgram, withKey } from '../support/processes/run-status.ts';
import { sharedCluster } from '../support/shared-cluster.ts';
import { until } from '../support/until.ts';

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
  it('shows every replica of a healthy cluster, as JSON and as text, and ends with 1 if fewer than --nodes serve', async () => {
    const { url, connect } = sharedCluster();
    await connect().seen('hello');
    // Each replica takes a moment to know the others and the leader.
    const { status } = await until(
      async () => {
        const seen = await statusOf(url, ['--nodes', '3']);
        return seen.code === 0 && seen.status.clients > 0 ? seen : null;
      },
      { withinMs: 20_000, saw: () => runStatus(['--url', url], withKey) },
    );
    expect([status.ok, status.problems]).toEqual([true, []]);
    expect(status.nodes.map(({ node, state }) => `${node} ${state}`)).toEqual([
      'r1 serving',
      'r2 serving',
      'r3 serving',
    ]);
    const [simulator] = status.feeds;
    expect(simulator).toMatchObject({ name: 'simulator', state: 'live' });
    expect(simulator?.tickAgeMs).toBeLessThan(5_000);

    const { output } = await runStatus(['--url', url], withKey);
    expect(output).toMatch(/ ok: 3 replicas, \d+ clients?, backplane redis up\n/);
    expect(output).not.toContain('\u001b');

    const fewer = await statusOf(url, ['--nodes', '4']);
    expect([fewer.code, fewer.status.problems]).toEqual([1, ['3 of 4 replicas serve']]);
  });

  it('shows one replica without an API key', async () => {
    expect(await runStatus(['--url', sharedCluster().url])).toEqual({
      code: 0,
      output: expect.stringContaining('of the replica that answered') as string,
    });
  });

  it('says what is wrong: a key, the arguments, or a server that is not there or not Tickwire', async () => {
    const { url } = sharedCluster();
    const nobody = `http://127.0.0.1:${await freePort()}/`;
    const silent = await serve(() => {});
    const isOther = /does not seem to be Tickwire/;
    const cases: [args: string[], output: RegExp][] = [
      [['--url', url, '--key', 'dummy-wrong-key'], /^the API key is not taken by http:\S+\/$/],
      [['--url', 'nowhere'], /^--url must be an address[^]*npm run status -- /],
      [['--url', nobody], new RegExp(`^${nobody} cannot be reached: .*ECONNREFUSED`)],
      [['--url', nobody, '--json'], /^\{\s*"ok": ?false,\s*"error": ?".*ECONNREFUSED/],
      [['--url', silent], new RegExp(`^${silent} cannot be reached: 3 times no answer within 2 seconds$`)],
      [['--url', await serve((_req, res) => res.end('<!doctype html>'))], isOther],
      [['--url', await serve((_req, res) => res.end('{"status":"ok"}'))], isOther],
      [['--url', await serve((_req, res) => res.writeHead(404).end())], isOther],
    ];
    for (const [args, output] of cases)
      expect(await runStatus(args)).toEqual({ code: 2, output: expect.stringMatching(output) as string });
    expect(await runStatus(['--help'])).toMatchObject({
      code: 0,
      output: expect.stringMatching(/^npm run status -- /) as string,
    });
  });

  it('ends with 2 if its output cannot be written, and with 0 if its reader closes the pipe', async () => {
    const { url } = sharedCluster();
    const shell = (command: string) =>
      spawnSync('bash', ['-o', 'pipefail', '-c', command], {
        env: { ...process.env, ...withKey, RUN: `${process.execPath} ${statusProgram} --url ${url}` },
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

  it('does not send the API key to the target of a redirect', async () => {
    const seen: IncomingHttpHeaders[] = [];
    const other = await serve((req, res) => {
      seen.push(req.headers);
      res.end('{}');
    });
    const redirecting = await serve((_req, res) => res.writeHead(302, { Location: other }).end());
    expect((await runStatus(['--url', redirecting], withKey)).code).toBe(2);
    expect(seen).toEqual([]);
  });
});
