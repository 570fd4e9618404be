/** The redis-server that tests and `npm run cluster` start: clear errors when it cannot start. */
import { expect, it, onTestFinished } from 'vitest';
import { startRedis } from '../support/processes/start-redis.ts';

it('says what to install when redis-server is missing', async () => {
  const path = process.env['PATH'];
  onTestFinished(() => void (process.env['PATH'] = path));
  process.env['PATH'] = '/nowhere';
  await expect(startRedis()).rejects.toThrow('apt-get install redis-server');
});

it('shows what redis-server said when it does not start', async () => {
  await expect(startRedis({ args: ['--no-such-setting', '1'] })).rejects.toThrow('no-such-setting');
});
