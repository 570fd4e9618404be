/** Many anonymous reads of all quotes, while a leader appends and programs push. */
import { expect, it, onTestFinished } from 'vitest';
import { until } from '../support/until.ts';
import { healthOf, push, startClusterUnderTest } from '../cluster/cluster-under-test.ts';

const symbols = Array.from({ length: 5_000 }, (_, index) => `Q${index + 1}`);
const readers = 30;

it('[PB2] reads of all quotes by anyone cost neither a tick, nor a push, nor the leader its lease', async () => {
  const cluster = await startClusterUnderTest({
    replicas: 2,
    env: { FEEDS: `simulator:BTC-USD;push:DEMO,${symbols.join()}`, UPDATE_INTERVAL: '100' },
  });
  const leader = await cluster.leader();
  for (let from = 0; from < symbols.length; from += 1_000) {
    const ticks = symbols.slice(from, from + 1_000).map((symbol) => ({ symbol, price: '1.50' }));
    await until(async () => (await push(leader.url, ticks)).status === 200);
  }
  const client = cluster.connect({ transports: ['websocket'] });
  await client.subscribe(['BTC-USD', 'DEMO']);
  await client.seen('tick');
  const { epoch } = (await healthOf(leader.url)).leader;

  let isReading = true;
  onTestFinished(() => void (isReading = false));
  const answers: number[] = [];
  const read = async (url: string): Promise<void> => {
    while (isReading) {
      const status = await fetch(`${url}/api/ticks`).then(
        async (answer) => {
          await answer.arrayBuffer();
          return answer.status;
        },
        () => 0,
      );
      if (isReading) answers.push(status);
    }
  };
  const reads = cluster.replicas.flatMap(({ url }) =>
    Array.from({ length: readers / cluster.replicas.length }, () => read(url)),
  );
  const before = client.ticks('BTC-USD').length;
  let pushes = 0;
  while (pushes < 20 || answers.length < 200 || client.ticks('BTC-USD').length < before + 40) {
    pushes += 1;
    const { status } = await push(leader.url, [{ symbol: 'DEMO', price: String(pushes) }]);
    expect([pushes, status]).toEqual([pushes, 200]);
  }
  isReading = false;
  await Promise.all(reads);
  expect(new Set(answers)).toEqual(new Set([200]));
  expect(client.faults()).toEqual([]);
  expect((await healthOf(leader.url)).leader).toMatchObject({ me: true, epoch });
}, 90_000);
