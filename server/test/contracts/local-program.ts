/**
 * The program that the local backplane is tested with, in its own processes: a primary that reports to the test over
 * IPC, and workers that run the contract's driver and serve a small page. Bundled and started by local-home.ts.
 */
import cluster from 'node:cluster';
import { createServer } from 'node:http';
import process from 'node:process';
import { createBirpc } from 'birpc';
import { Server } from 'socket.io';
import { createLocalBackplane } from '../../src/backplane/local/local-backplane.ts';
import { createPrimary } from '../../src/backplane/local/primary.ts';
import { attachSticky, onDrain, tellReady } from '../../src/backplane/local/worker.ts';
import { systemClock as clock } from '../../src/support/clock.ts';
import { createLog } from '../../src/support/log.ts';
import { driveBackplane } from './backplane-driver.ts';
import {
  type FromProgram,
  isDriverMessage,
  type LocalSettings,
  remoteDriver,
  type ToProgram,
} from './local-messages.ts';

const settings = JSON.parse(process.argv[2] ?? '') as LocalSettings;

function report(message: FromProgram): void {
  if (process.connected) process.send?.(message);
}

function runPrimary(): void {
  const primary = createPrimary({
    ...settings,
    host: '127.0.0.1',
    clock,
    log: createLog({ level: 'silent', node: settings.node }),
  });
  const end = async (now: boolean): Promise<void> => {
    await primary.close({ now });
    process.exit(0);
  };
  process.once('SIGTERM', () => void end(false));
  // The test is gone.
  process.once('disconnect', () => void end(true));

  const workerOf = new Map<string, number>();
  cluster.on('message', (worker, message: unknown) => {
    if (!isDriverMessage(message)) return;
    workerOf.set(message.node, worker.id);
    report(message);
  });
  process.on('message', (message: ToProgram) => {
    if (message.type === 'test:close') void end(message.now);
    else cluster.workers?.[workerOf.get(message.node) ?? -1]?.send(message);
  });
  primary.start().then(
    (address) => {
      if (address !== null) report({ type: 'test:listening', ...address });
    },
    (error: unknown) => {
      report({ type: 'test:failed', message: String(error) });
      process.disconnect?.();
    },
  );
}
