/**
 * Clients that send without end, and read or do not, through Nginx, where the honest ones are too: each is cut, costs little memory,
 * and honest clients keep their connection and get every tick.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { floodPolling, floodWebSocket, type Attack } from '../support/clients/attackers.ts';
import { pollingAttacks, streamAttacks, webSocketAttacks } from '../support/clients/attacks.ts';
import { growthOf } from '../support/processes/memory.ts';
import { startWatchedCluster, type WatchedCluster } from './watched-cluster.ts';

const maxGrowthMb = 50;
/** At the same time. */
const attackers = 3;

let cluster: WatchedCluster;

/** What attackers at the same time did against what is promised, in words. */
async function damageOf(attack: () => Promise<Attack>): Promise<string[]> {
  let seen: Attack[] = [];
  const pids = cluster.replicas.map(({ pid }) => pid);
  const growth = await growthOf(pids, async () => {
    seen = await Promise.all(Array.from({ length: attackers }, attack));
  });
  return [
    ...seen.filter(({ isCut }) => !isCut).map(({ afterMs }) => `still there after ${Math.round(afterMs)} ms`),
    ...growth.filter((mb) => mb > maxGrowthMb).map((mb) => `${Math.round(mb)} MB more`),
  ];
}

describe('flood', () => {
  beforeAll(async () => {
    cluster = await startWatchedCluster({ env: { LOG_LEVEL: 'info' } });
  });
  afterAll(() => cluster.stop());

  for (const [name, options] of webSocketAttacks)
    it(`[LM1] a WebSocket that ${name}`, async () => {
      expect(await damageOf(() => floodWebSocket(cluster.port, options))).toEqual([]);
      await cluster.unharmed();
    });

  for (const [name, options] of pollingAttacks)
    it(`[LM1] a polling client that ${name}`, async () => {
      expect(await damageOf(() => floodPolling(cluster.url, options))).toEqual([]);
      await cluster.unharmed();
    });

  for (const [name, options] of streamAttacks)
    it(`[PW5][LM1] a plain WebSocket that ${name}`, async () => {
      const handshake = { path: '/stream', query: '' };
      expect(await damageOf(() => floodWebSocket(cluster.port, { ...options, handshake }))).toEqual([]);
      await cluster.unharmed();
    });

  it('no secret is in any log, and nothing crashed', async () => {
    expect(await cluster.endAndFindLeaks()).toEqual([]);
  });
});
