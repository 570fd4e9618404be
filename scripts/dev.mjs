/**
 * `npm run dev`: the server is compiled and started again at each change; the page comes from Vite, which replaces modules in
 * the browser and passes everything that is the server's to the server.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { watch } from 'node:fs';
import { join } from 'node:path';
import { endGroup } from './lib/group.mjs';
import { nodeArgs, serverProgram } from './lib/server-program.mjs';
import { interruptibly, projectRoot, setUp } from './lib/set-up.mjs';

/** The compiler writes many files for one change. */
const settleMs = 300;

await setUp();
await interruptibly(async (signal) => {
  const compiler = start(join(projectRoot, 'node_modules/.bin/tsc'), [
    '-b',
    'server/src',
    '--watch',
    '--preserveWatchOutput',
  ]);
  let server = startServer();
  let restarts = Promise.resolve();
  const restart = async () => {
    await end(server);
    if (!signal.aborted) server = startServer();
  };

  /** @type {NodeJS.Timeout | undefined} */
  let settled;
  const watcher = watch(join(projectRoot, 'dist/server'), { recursive: true }, (_event, name) => {
    if (!name?.endsWith('.js')) return;
    clearTimeout(settled);
    settled = setTimeout(() => {
      restarts = restarts.then(restart);
    }, settleMs);
  });

  /** @type {import('vite').ViteDevServer | undefined} */
  let page;
  try {
    // What vite.config.ts passes on to.
    process.env['TICKWIRE_TARGET'] ??= `http://127.0.0.1:${process.env['PORT'] ?? '8080'}`;
    const { createServer } = await import('vite');
    page = await createServer({ configFile: join(projectRoot, 'client/vite.config.ts') });
    await page.listen();
    page.printUrls();
    if (!signal.aborted) await once(signal, 'abort');
  } finally {
    watcher.close();
    clearTimeout(settled);
    await page?.close();
    await restarts;
    await Promise.all([end(server), end(compiler)]);
  }
  signal.throwIfAborted();
});

function startServer() {
  return start(process.execPath, [...nodeArgs, serverProgram]);
}

/**
 * @param {string} command
 * @param {string[]} args
 */
function start(command, args) {
  return spawn(command, args, { cwd: projectRoot, detached: true, stdio: ['ignore', 'inherit', 'inherit'] });
}

/**
 * A program that ended by itself is left alone: its number may be another's by now.
 *
 * @param {import('node:child_process').ChildProcess} child
 */
async function end(child) {
  const running = child.exitCode === null && child.signalCode === null;
  if (running && child.pid !== undefined) await endGroup(child.pid, 10_000);
}
