import { describe, expect, it } from 'vitest';
import type { ClusterStatistics, NodeDetails } from '../../protocol/index.ts';
import { createManualClock } from '../../test/support/stand-ins/manual-clock.ts';
import type { NodeState } from './nodes.ts';
import { createStatistics, type WatchKind } from './statistics.ts';

const detailsWith = (slowClients: number): NodeDetails => ({
  symbols: {},
  plain: 0,
  slowClients,
  perSecond: { ticksIn: 0, ticksOut: 0, merged: 0, messagesIn: 0, messagesOut: 0 },
  memory: { rssBytes: 1, heapBytes: 1 },
  eventLoop: { lagMs: 0, busy: 0 },
  backplane: 'up',
  feed: 'live',
});

const nodeNamed = (node: string, more: Partial<NodeState> = {}): NodeState => ({
  node,
  connections: 1,
  users: 0,
  anonymous: 1,
  isLeaving: false,
  uptimeMs: 5_000,
  wantsDetails: false,
  ...more,
});

/** Node r1, which hears of others what a test says. */
function setUp(...watching: WatchKind[]) {
  const clock = createManualClock();
  const state = { nodes: [nodeNamed('r1')], leader: 'r1', own: detailsWith(1) };
  const told: [kind: WatchKind, statistics: ClusterStatistics][] = [];
  const sent: [topic: string, payload: object][] = [];
  const listeners = new Map<string, (payload: unknown) => void>();
  const here: Record<WatchKind, number> = { counts: 0, details: 0 };
  for (const kind of watching) here[kind] = 1;
  const statistics = createStatistics({
    channel: {
      send: (topic, payload) => void sent.push([topic, payload]),
      onMessage: (topic, listener) => void listeners.set(topic, listener),
    },
    clock,
    node: 'r1',
    nodes: () => state.nodes,
    leader: () => state.leader,
    details: () => state.own,
    watchers: { count: (kind) => here[kind], tell: (kind, each) => void told.push([kind, each]) },
  });
  /** These nodes are there, and so much time passes. */
  const pass = async (ms: number, ...nodes: NodeState[]): Promise<void> => {
    state.nodes = nodes;
    await clock.advance(ms);
  };
  return {
    clock,
    pass,
    state,
    told,
    sent,
    here,
    statistics,
    hear: (node: string, details: unknown) => listeners.get('details')?.({ node, details }),
    connectionsTold: () => told.map(([, { nodes }]) => nodes.map(({ connections }) => connections).join()),
  };
}

describe('statistics', () => {
  it('[CS2] are every node by name, with the leader marked', () => {
    const { state, statistics } = setUp();
    state.nodes = [nodeNamed('r10', { isLeaving: true }), nodeNamed('r1'), nodeNamed('r2', { users: 1 })];
    expect(statistics.now('counts')).toEqual({
      at: 1_700_000_000_000,
      nodes: [
        expect.objectContaining({ node: 'r1', leader: true, state: 'serving', uptimeMs: 5_000 }),
        expect.objectContaining({ node: 'r2', leader: false, users: 1, connections: 1, anonymous: 1 }),
        expect.objectContaining({ node: 'r10', state: 'draining' }),
      ],
    });
  });

  it('[CS3] are told within a second of a change, at most twice a second, and not without one', async () => {
    const { clock, pass, told, connectionsTold } = setUp('counts');
    await clock.advance(1_000);
    expect(connectionsTold()).toEqual(['1']);
    await clock.advance(10_000);
    expect(told).toHaveLength(1);
    for (let connections = 2; connections <= 41; connections++) {
      await pass(50, nodeNamed('r1', { connections }));
    }
    // 2 seconds of changes.
    expect(told.length - 1).toBeGreaterThanOrEqual(3);
    expect(told.length - 1).toBeLessThanOrEqual(4);
    await clock.advance(500);
    expect(connectionsTold().at(-1)).toBe('41');
  });

  it('[CS3] are told when the leader changes or a node begins to leave, and uptime alone is no change', async () => {
    const { clock, pass, state, told } = setUp('counts');
    await pass(1_000, nodeNamed('r1'), nodeNamed('r2'));
    state.leader = 'r2';
    await clock.advance(500);
    expect(told.at(-1)?.[1].nodes.map(({ leader }) => leader)).toEqual([false, true]);
    await pass(500, nodeNamed('r1', { isLeaving: true }), nodeNamed('r2'));
    expect(told.at(-1)?.[1].nodes[0]).toMatchObject({ state: 'draining' });
    const before = told.length;
    await pass(3_000, nodeNamed('r1', { isLeaving: true, uptimeMs: 9_000 }), nodeNamed('r2'));
    expect(told).toHaveLength(before);
  });

  it('[CS3] tell of counts a thousand clients a second at most, and of the replicas as soon as to few', async () => {
    const { clock, pass, told, here } = setUp('counts');
    here.counts = 4_000;
    await clock.advance(250);
    for (let connections = 2; connections <= 161; connections++) {
      await pass(50, nodeNamed('r1', { connections }));
    }
    // 8 seconds of changes.
    expect(told.length - 1).toBe(2);
    await pass(500, nodeNamed('r1'), nodeNamed('r2'));
    expect(told.at(-1)?.[1].nodes).toHaveLength(2);
  });

  it('[CS3] are told at once when nodes are gone, however short ago the last change was', async () => {
    const { pass, state, told, statistics } = setUp('counts');
    await pass(250, nodeNamed('r1'), nodeNamed('r2'), nodeNamed('r3'));
    expect(told).toHaveLength(1);
    state.nodes = [nodeNamed('r1')];
    statistics.nodesDepart();
    expect(told.map(([, { nodes }]) => nodes.length)).toEqual([3, 1]);
  });

  it('[CS3] come again to who began to watch in a moment that had passed by the next look', async () => {
    const { clock, pass, state, statistics, connectionsTold } = setUp('counts');
    await clock.advance(1_000);
    state.nodes = [nodeNamed('r1', { connections: 2 })];
    expect(statistics.now('counts').nodes[0]?.connections).toBe(2);
    await pass(500, nodeNamed('r1'));
    expect(connectionsTold()).toEqual(['1', '1']);
  });

  it('[CS5] have details for those with a key alone, published once a second while somebody watches them', async () => {
    const { clock, pass, state, told, sent, here, statistics, hear } = setUp('counts');
    await pass(3_000, nodeNamed('r1'), nodeNamed('r2'));
    expect(sent).toEqual([]);
    // Somebody there.
    await pass(3_000, nodeNamed('r1'), nodeNamed('r2', { wantsDetails: true }));
    expect(sent).toEqual(
      Array.from({ length: sent.length }, () => ['details', { node: 'r1', details: state.own }]),
    );
    expect(sent.length).toBeGreaterThanOrEqual(3);
    expect(sent.length).toBeLessThanOrEqual(4);
    // And here.
    here.details = 1;
    state.nodes = [nodeNamed('r1', { wantsDetails: true }), nodeNamed('r2')];
    hear('r2', detailsWith(2));
    await clock.advance(1_000);
    const { nodes = [] } = told.findLast(([kind]) => kind === 'details')?.[1] ?? {};
    expect(nodes.map(({ details }) => details?.slowClients)).toEqual([1, 2]);
    expect(statistics.now('counts').nodes.some((one) => 'details' in one)).toBe(false);
    const toldDetails = () => told.filter(([kind]) => kind === 'details').length;
    const before = toldDetails();
    await clock.advance(3_000);
    expect(toldDetails() - before).toBe(3);
    // Who is gone leaves nothing behind, and comes back without.
    await pass(1_000, nodeNamed('r1', { wantsDetails: true }));
    state.nodes = [nodeNamed('r1', { wantsDetails: true }), nodeNamed('r2')];
    const slow = statistics.now('details').nodes.map(({ details }) => details?.slowClients);
    expect(slow).toEqual([1, undefined]);
  });

  it('end with their replica', async () => {
    const { clock, statistics } = setUp('counts');
    statistics.nodesDepart();
    statistics.close();
    expect(clock.timers()).toBe(0);
  });
});
