/** Each bad setting ends the start within two seconds, with code 1 and a line that names it and shows no secret. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { describe, expect, it, onTestFinished } from 'vitest';
import { freePort } from '../support/processes/free-port.ts';
import { listen } from '../../src/support/listen.ts';
import { startOwnReplica } from '../support/processes/own-replica.ts';
import { until } from '../support/until.ts';
import { misspelled, processRows } from './catalogue/config-rows.ts';

const main = join(import.meta.dirname, '../../../dist/server/src/main.js');
const tellTime = new URL('preload/tell-time.mjs', import.meta.url).href;
const withinMs = 2_000;

/** What a start says that ends by itself, and how long it took on processors of its own. */
async function startOf(env: Record<string, string>, onEnd: (end: () => void) => void) {
  const child = spawn(process.execPath, ['--import', tellTime, main], {
    env: { PATH: process.env['PATH'], HOST: '127.0.0.1', ...env },
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  });
  onEnd(() => void child.kill('SIGKILL'));
  const [, stdout, stderr, clock] = child.stdio as unknown as [null, Readable, Readable, Readable];
  const [[code], out, said, tookMs] = await Promise.all([
    once(child, 'exit'),
    text(stdout),
    text(stderr),
    text(clock),
  ]);
  return { code: code as number | null, out, said, tookMs: Number(tookMs || Infinity) };
}

describe('config', () => {
  for (const [env, ...variables] of processRows)
    it.concurrent(`[CF2] ${JSON.stringify(env)}`, async ({ onTestFinished: onEnd }) => {
      const { code, out, said, tookMs } = await startOf(env, onEnd);
      expect(code).toBe(1);
      expect(tookMs).toBeLessThan(withinMs);
      expect(out).toBe('');
      const [head, ...lines] = said.trimEnd().split('\n');
      expect(head).toBe('Tickwire cannot start with this configuration:');
      expect(lines.map((line) => /^ {2}([A-Z_]+): \S/.exec(line)?.[1])).toEqual(variables);
      // [CF3]: what is secret in the rows says so.
      expect(said).not.toContain('dummy');
      // A value of any length is told of in a line that a person reads.
      for (const line of lines) expect(line.length).toBeLessThan(300);
    });

  it('a taken port', async () => {
    const other = createServer();
    onTestFinished(() => void other.close());
    const port = await listen(other, { host: '127.0.0.1', port: 0 });
    const env = { BACKPLANE: 'redis', PORT: String(port), API_KEYS: 'dummy-key-1' };
    const { code, out, said, tookMs } = await startOf(env, onTestFinished);
    expect(code).toBe(1);
    expect(tookMs).toBeLessThan(withinMs);
    expect(said).toBe(
      `Tickwire cannot start: port ${port} of 127.0.0.1 is taken: end the program that listens there, or set PORT to another port\n`,
    );
    expect(out).not.toContain('dummy');
  });

  it('[CF4] what is nearly the name of a setting is warned of, and its value not shown', async () => {
    const replica = await startOwnReplica({
      ...Object.fromEntries(Object.keys(misspelled).map((name) => [name, 'dummy-password-1'])),
      REDIS_URL: `redis://user:dummy-password-2@127.0.0.1:${await freePort()}`,
      LOG_LEVEL: 'trace',
    });
    for (const [name, meant] of Object.entries(misspelled))
      await until(() =>
        replica.logs().some((line) => line.includes(`${name} is not a setting; did you mean ${meant}?`)),
      );
    expect((await fetch(`${replica.url}/health/live`)).status).toBe(200);
    expect(replica.logs().join('\n')).not.toContain('dummy-password');
  });
});
