/** Clients that read nothing: what they cost the replica and the clients beside them. */
import { setTimeout as pass } from 'node:timers/promises';
import { describe, expect, onTestFinished } from 'vitest';
import { healthOf } from '../cluster/cluster-under-test.ts';
import { startDeafClients } from '../support/clients/deaf-clients.ts';
import { until } from '../support/until.ts';
import type { Replica } from '../faults/fault-cluster.ts';
import {
  calm,
  cutTotal,
  fast,
  heldBytes,
  reading,
  slowClientMs,
  startFedCluster,
} from '../faults/fed-cluster.ts';
import { faultRow, shown, type Measure } from '../faults/fault-row.ts';
import { ageOf, figureOf, part } from '../faults/measures.ts';

const count = 20;
const maxBytesEach = 1_048_576;
/** Rounds beside a stuck client, and as many rounds without. */
const pairs = 12;

/** Twenty clients of one replica that take nothing since `from`. `before` is what the replica held until then. */
interface Silent {
  replica: Replica;
  before: number;
  from: number;
}

const cutSlow = ({ replica }: Silent) => figureOf(replica.url, cutTotal, 'reason="slow"');

/** Asserts that the silent clients hold little, and that all are disconnected with the slow code in time. */
async function expectCut(silent: Silent, measure: Measure): Promise<void> {
  const { replica, before, from } = silent;
  // Looking takes three seconds.
  await pass(slowClientMs - 5_000 - (performance.now() - from));
  expect(await cutSlow(silent)).toBe(0);
  const each = ((await heldBytes(replica)) - before) / count;
  let cut = 0;
  await until(
    async () => {
      cut = await cutSlow(silent);
      return cut >= count;
    },
    { withinMs: slowClientMs / 2 },
  ).catch(() => null);
  const cutMs = performance.now() - from;
  measure(
    `RSS ${(each / 1_048_576).toFixed(2)} MB more each after ${shown(slowClientMs - 5_000)}; ${cut} of ${count} cut with the slow code, ${cut < count ? 'not all' : 'all'} after ${shown(cutMs)}`,
  );
  expect(each).toBeLessThan(maxBytesEach);
  expect(cut).toBe(count);
  expect(cutMs).toBeLessThan(slowClientMs);
}

/** Clients with tiny receive buffers that join and subscribe, and never read an answer. They end with the test. */
async function subscribeDeaf({ port, url }: Replica, beside: number): Promise<void> {
  const clients = startDeafClients({ port, count });
  onTestFinished(() => clients.close());
  clients.send(upgrade);
  // The replica drops a message that arrives before its session, or closes the connection.
  const active = () => figureOf(url, 'socket_connections_active');
  await until(async () => (await active()) === beside + count, { withinMs: 5_000, saw: active });
  clients.send(frameOf('40'));
  const joined = async () => (await healthOf(url)).connections;
  await until(async () => (await joined()) === beside + count, { withinMs: 5_000, saw: joined });
  clients.send(frameOf(`42${JSON.stringify(['subscribe', fast])}`));
}

describe('clients that read nothing', () => {
  faultRow(
    {
      fault: '20 clients of 2,000 ticks/s stop reading',
      promise: 'replica RSS at most +1 MB each; cut with the slow code within 20 s',
      withinMs: 120_000,
    },
    async (measure) => {
      const cluster = await startFedCluster(fast, { env: { RECOVERY_SECONDS: '1' } });
      const { replica } = cluster;
      const readers = Array.from({ length: count }, () => cluster.reader());
      await reading(readers, 20_000);
      // As many clients at the same rate, reading: what is more than this, their silence costs.
      const before = await heldBytes(replica);
      const from = performance.now();
      for (const one of readers) one.stopReading();
      await expectCut({ replica, before, from }, measure);
      await cluster.expectSound();
    },
  );

  faultRow(
    {
      fault:
        '20 clients with receive buffers of 4 KB subscribe to 4,000 ticks/s and never read, not even the handshake',
      promise: 'replica RSS at most +1 MB each; cut with the slow code within 20 s',
      withinMs: 120_000,
    },
    async (measure) => {
      // The window of the log would grow meanwhile.
      const cluster = await startFedCluster(fast, { everyMs: 25, env: { RECOVERY_SECONDS: '1' } });
      const { replica } = cluster;
      const witness = cluster.reader();
      await reading([witness], 20_000);
      const before = await heldBytes(replica);
      await subscribeDeaf(replica, 1);
      await expectCut({ replica, before, from: performance.now() }, measure);
      await reading([witness], 1_000);
      await cluster.expectSound();
    },
  );

  faultRow(
    {
      fault: 'one client of 2,000 ticks/s stops reading, and reads on, again and again',
      promise: "the others' p99 tick age within 20 %",
      withinMs: 120_000,
    },
    async (measure) => {
      const cluster = await startFedCluster(calm, { everyMs: 10 });
      let ages: number[] = [];
      const others = Array.from({ length: 10 }, () => cluster.reader((tick) => void ages.push(ageOf(tick))));
      let lastAge = Infinity;
      const stuck = cluster.reader((tick) => void (lastAge = ageOf(tick)));
      await reading([...others, stuck], 5_000);
      const round = async (isStuck: boolean): Promise<number> => {
        if (isStuck) stuck.stopReading();
        ages = [];
        await pass(1_000);
        const p99 = part(ages, 0.99);
        stuck.readOn();
        lastAge = Infinity;
        await until(() => lastAge < 500, { withinMs: 10_000, saw: () => lastAge });
        return p99;
      };
      const times: number[] = [];
      // In turns, each first as often as the other: what the machine does besides meets both alike.
      for (let index = 0; index < pairs; index++) {
        const [first, second] = [await round(index % 2 === 0), await round(index % 2 === 1)];
        times.push(index % 2 === 0 ? first / second : second / first);
      }
      const worse = times.filter((one) => one > 1.2).length;
      measure(
        `p99 ${part(times, 0.5).toFixed(2)} times what it is without it, the median of ${pairs} pairs of rounds; more than 1.2 times in ${worse}`,
      );
      expect(await figureOf(cluster.replica.url, cutTotal)).toBe(0);
      expect(stuck.isOpen()).toBe(true);
      await cluster.expectSound();
      // A round's p99 is the machine's own worst moment: where the promise holds, chance gives so many one time in fifty.
      expect(worse).toBeLessThan(10);
    },
  );
});

/** Sent without waiting for any answer. */
const upgrade = [
  'GET /socket.io/?EIO=4&transport=websocket HTTP/1.1',
  'Host: 127.0.0.1',
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  '\r\n',
].join('\r\n');

/** A text frame of a client, masked with nothing. */
function frameOf(text: string): Buffer {
  const payload = Buffer.from(text);
  const length =
    payload.length < 126 ? [0x80 | payload.length] : [0x80 | 126, payload.length >> 8, payload.length & 0xff];
  return Buffer.concat([Buffer.from([0x81, ...length, 0, 0, 0, 0]), payload]);
}
