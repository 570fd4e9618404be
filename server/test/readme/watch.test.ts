/** The examples of the README's section on watching the cluster. */
import { expect, it, onTestFinished } from 'vitest';
import { startEmbeddedCluster } from '../support/embedded-cluster.ts';
import { createRecorder } from '../support/recorder.ts';
import { until } from '../support/until.ts';
import { example, ownAddress, runExample } from './examples.ts';

it('shows the replicas to everybody, and with an API key their details', async () => {
  const cluster = await startEmbeddedCluster({ API_KEYS: 'my-own-secret-key' });
  onTestFinished(() => cluster.close());
  const address = cluster.url.replace(/\/$/, '');
  const watching = example('js', "socket.emit('watch'");
  const operating = example('js', 'apiKey').replaceAll(ownAddress, address);
  const code = `import { io } from 'socket.io-client'; const socket = io('${address}');\n${watching}\n${operating}`;
  const child = await runExample(code);
  const shown = (line: RegExp): Promise<boolean> =>
    until(() => child.logs().some((one) => line.test(one)), { withinMs: 15_000, saw: () => child.logs() });
  await shown(/^replica-\d leads: \d connections of 0 users and \d without a name$/);
  await shown(/^replica-\d serving: /);
  await shown(/^replica-1 .*\d+ ticks out \d+ ms late$/);
  await shown(/^replica-2 .*\d+ ticks out \d+ ms late$/);
  // The examples' own two connections, and one user on one replica.
  const ann = createRecorder(address, { transports: ['websocket'], auth: { userId: 'ann' } });
  onTestFinished(() => ann.close());
  await ann.subscribe(['BTC-USD']);
  await shown(/ of 1 users and \d without a name$/);
  await shown(/^replica-\d \{ 'BTC-USD': \{ '0': 1 \} \} \d+ ticks out \d+ ms late$/);
  expect(child.logs().join('\n')).not.toContain('Error');
});
