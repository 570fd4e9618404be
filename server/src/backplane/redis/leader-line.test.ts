import process from 'node:process';
import { expect, it, onTestFinished } from 'vitest';
import { createLog } from '../../support/log.ts';
import { BackplaneUnavailable } from '../contract.ts';
import { createKeys } from './keys.ts';
import { createRedisLeaderLine } from './leader-line.ts';

it('closed while a call is on its way to Redis, it rejects that call and leaves nothing unhandled', async () => {
  const unhandled: unknown[] = [];
  const note = (error: unknown): void => void unhandled.push(error);
  process.on('unhandledRejection', note);
  onTestFinished(() => void process.off('unhandledRejection', note));
  const never = new Promise<never>(() => {});
  const line = createRedisLeaderLine({
    caller: 'one',
    keys: createKeys('test'),
    commands: { run: () => never, runScript: () => never },
    subscriptions: { add: () => () => {}, place: () => never },
    log: createLog({ level: 'silent', node: 'test' }),
  });
  const call = line.call(1, 'anything').catch((error: unknown) => error);
  await new Promise((resolve) => setImmediate(resolve));
  line.close();
  expect(await call).toBeInstanceOf(BackplaneUnavailable);
  await new Promise((resolve) => setImmediate(resolve));
  expect(unhandled).toEqual([]);
});
