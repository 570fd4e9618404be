/** The notice that a backend with presence receives when a replica is killed. */
import { expect, it } from 'vitest';
import { startBackend } from '../support/stand-ins/backend.ts';
import { until } from '../support/until.ts';
import {
  expectGenuine,
  instanceOf,
  lossesTold,
  lossOf,
  nodeOf,
  online,
  sessionOf,
  sessionsOf,
  start,
  untilTold,
} from './bridge-clients.ts';

it('[BR1][BR9] clients on every replica are reported; a killed replica is reported once, by a live one; a replica that drains is not reported', async () => {
  const backend = await startBackend();
  const { cluster, clients } = await start(backend);
  const [r1, r2] = cluster.replicas;
  await r1?.kill('SIGTERM');
  await until(() => online(backend).length === 4);
  // r1 was silent first: a notice for r1 would come first.
  const loss = lossOf(backend, 'r2');
  await r2?.kill('SIGKILL');
  // How soon is measured in the faults project.
  await untilTold(backend, loss, 10_000);
  expect(lossesTold(backend)).toEqual([loss]);
  const instance = instanceOf(backend, 'r3');
  expect(backend.of('node_gone')).toMatchObject([{ node: 'r3', user: null, session: null, instance }]);
  expect(online(backend)).toEqual(sessionsOf(clients.slice(4)));

  // The killed replica restarts with its name and another instance.
  await r2?.restart();
  const anew = cluster.connect({ transports: ['websocket'], reconnection: false }, r2?.url);
  expect(await nodeOf(anew)).toBe('r2');
  await until(() => online(backend).includes(sessionOf(anew)));
  expect(instanceOf(backend, 'r2')).not.toBe(loss.instance);
  expect(lossesTold(backend)).toEqual([loss]);
  expectGenuine(backend);
});
