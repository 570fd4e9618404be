/** What is said of a port that cannot be opened; the sentence is the same in every home. */
import { createServer } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { assertCanListen, listen } from './listen.ts';

const anyPort = { host: '127.0.0.1', port: 0 };

function server() {
  const created = createServer();
  onTestFinished(() => void created.close());
  return created;
}

/** One that nobody listens on at this moment. */
async function freeAddress() {
  const taken = createServer();
  const port = await listen(taken, anyPort);
  await new Promise<void>((resolve) => void taken.close(() => resolve()));
  return { host: '127.0.0.1', port };
}

it.each([
  ['127.0.0.1', (port: number) => `port ${port} of 127.0.0.1 is taken`],
  ['', (port: number) => `port ${port} is taken`],
])('a taken port of host "%s" is told with what to do', async (host, expected) => {
  const port = await listen(server(), { host, port: 0 });
  await expect(listen(server(), { host, port })).rejects.toThrow(
    `${expected(port)}: end the program that listens there, or set PORT to another port`,
  );
});

it('the setting that a port comes from is named', async () => {
  const port = await listen(server(), anyPort);
  const address = { host: '127.0.0.1', port, setting: 'METRICS_PORT' };
  const told = `port ${port} of 127.0.0.1 is taken: end the program that listens there, or set METRICS_PORT to another port`;
  await expect(listen(server(), address)).rejects.toThrow(told);
  await expect(assertCanListen(address)).rejects.toThrow(told);
});

it('a port that can be opened is free again after it was looked at', async () => {
  const address = await freeAddress();
  expect(address.port).toBeGreaterThan(0);
  await assertCanListen(address);
  expect(await listen(server(), address)).toBe(address.port);
});

it('an address that is not of this machine is told', async () => {
  await expect(listen(server(), { host: '192.0.2.1', port: 0 })).rejects.toThrow(
    'cannot listen on port 0 of 192.0.2.1: ',
  );
});
