/**
 * The program that the local backplane is tested with, in its own processes: a primary that reports to the test over
 * IPC, and workers that run the contract's driver and serve a small page. local-processes.ts bundles and starts it.
 */
import cluster from 'node:cluster';
import { writeSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import process from 'node:process';
import { text } from 'node:stream/consumers';
import { setTimeout as pass } from 'node:timers/promises';
import { createBirpc } from 'birpc';
import { Server } from 'socket.io';
import { createLocalBackplane } from '../../src/backplane/local/local-backplane.ts';
import { createPrimary } from '../../src/backplane/local/primary.ts';
import { attachSticky, onDrain, tellReady } from '../../src/backplane/local/worker.ts';
import { systemClock as clock } from '../../src/support/clock.ts';
import { createLog } from '../../src/support/log.ts';
import { driveBackplane } from './backplane-driver.ts';
import { isOfTest, type FromProgram, type LocalSettings, type ToProgram } from './local-messages.ts';

const settings = JSON.parse(process.argv[2] ?? '') as LocalSettings;
const log = createLog({ level: 'silent', node: settings.node });

function report(message: FromProgram): void {
  if (process.connected) process.send?.(message);
}

/** On a pipe that all processes share, so that the test hears workers also while their primary is stopped. */
function say(line: string): void {
  writeSync(1, `${line}\n`);
}

function runPrimary(): void {
  const primary = createPrimary({ ...settings, host: '127.0.0.1', log, clock });
  async function end(now: boolean): Promise<void> {
    await primary.close({ now });
    process.exit(0);
  }
  process.once('SIGTERM', () => void end(false));
  // The test is gone.
  process.once('disconnect', () => void end(true));

  const workerOf = new Map<string, number>();
  cluster.on('message', (worker, message: unknown) => {
    if (!isOfTest(message)) return;
    if (message.type === 'test:ready') workerOf.set(message.node, worker.id);
    report(message);
  });
  process.on('message', (message: ToProgram) => {
    if (message.type === 'test:close') void end(message.now);
    else cluster.workers?.[workerOf.get(message.node) ?? -1]?.send(message);
  });
  primary.start().then(
    (address) => address !== null && report({ type: 'test:listening', port: address.port }),
    (error: Error) => {
      report({ type: 'test:failed', message: error.message });
      process.exitCode = 1;
      process.disconnect();
    },
  );
}

async function runWorker(node: string): Promise<void> {
  process.on('SIGTERM', () => {});
  say(`pid ${process.pid}`);
  say(`${node} loads`);
  await pass(settings.loadMs);
  const backplane = createLocalBackplane({ node, log, clock });
  backplane.onState((state) => say(`${node} is ${state.at}`));
  driveFromTest(node, backplane);

  const httpServer = createServer(
    { headersTimeout: 500, connectionsCheckingInterval: 100 },
    (request, response) => void serve(node, request, response),
  );
  attachSticky(new Server(httpServer));
  onDrain(() => {
    say(`${node} drains`);
    if (settings.worker !== 'ignores drain') process.exit(0);
  });
  tellReady();
  report({ type: 'test:ready', node, pid: process.pid });
}

/** Answers with the node's name and the length of what was sent. */
async function serve(node: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.url === '/long') return serveLong(response);
  const body = await text(request);
  response.end(JSON.stringify({ node, length: body.length }));
}

/** Answers 64 MB at once, and says when the connection ended before all was taken. */
function serveLong(response: ServerResponse): void {
  response.once('close', () => {
    if (!response.writableFinished) say('a long answer was cut');
  });
  const piece = Buffer.alloc(65_536);
  for (let count = 0; count < 1_024; count++) response.write(piece);
  response.end();
}

function driveFromTest(node: string, backplane: ReturnType<typeof createLocalBackplane>): void {
  createBirpc(callsOf(driveBackplane(backplane, node)), {
    post: (frame) => report({ type: 'test:driver', node, frame }),
    on: (listener) =>
      process.on('message', (message: unknown) => {
        if (isOfTest(message) && message.type === 'test:driver') listener(message.frame);
      }),
  });
}

/** The driver's functions by name, those of its parts with the name of the part and a dot before. */
function callsOf(driver: object, prefix = ''): Record<string, unknown> {
  const calls: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(driver)) {
    if (typeof value === 'function') calls[prefix + name] = value;
    if (typeof value === 'object') Object.assign(calls, callsOf(value as object, `${name}.`));
  }
  return calls;
}

if (cluster.isPrimary) runPrimary();
else await runWorker(process.env['NODE_ID'] ?? '');
