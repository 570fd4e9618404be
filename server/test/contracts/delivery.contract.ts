/**
 * The contract of delivery: whatever a server's own code does, its clients see what they see of a stock server. Each script
 * runs on a stock server and on ours side by side, with stock clients over WebSocket and polling on every node. Run on every
 * adapter. SPEC.md [F3] to [F5].
 */
import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { until } from '../support/until.ts';
import { coverage, openDeliveryClient, type ClientPlan, type DeliveryClient } from './delivery-client.ts';
import type { DeliveryNode } from './delivery-node.ts';
import { deliveryScripts, type ScriptName } from './delivery-scripts.ts';

/** One cluster of servers. */
export interface DeliveryHome {
  readonly nodes: readonly Pick<DeliveryNode, 'url' | 'run' | 'notes'>[];
  stop(): Promise<void>;
}

export type OpenDeliveryHome = (isCoalesced: boolean) => Promise<DeliveryHome>;

/** Two clients of a stock server on each node, one that joins early, and one in another namespace. */
function plansOf(nodes: number): ClientPlan[] {
  return Array.from({ length: nodes }, (_, node): ClientPlan[] => {
    const both = { node, rooms: ['tick:A', 'tick:B'], early: [] };
    return [
      { ...both, name: `ws-${node}`, transports: ['websocket'] },
      { ...both, name: `poll-${node}`, transports: ['polling'] },
      { ...both, name: `early-${node}`, transports: ['websocket'], rooms: [], early: ['tick:A'] },
      { ...both, name: `other-${node}`, transports: ['websocket'], namespace: '/other' },
    ];
  }).flat();
}

/** Their order against ticks may move within a turn. */
const looselyOrdered = new Set<ScriptName>([
  'events to single sockets among ticks',
  'ticks to several rooms at once',
]);
/** So much that ticks are merged, on every transport. */
const merged = new Set<ScriptName>(['more than a client takes at once']);
/** Not compared but used by tests of their own. */
const apart = new Set<ScriptName>([
  'fence',
  'settle',
  'one write for each turn',
  'a stream begins',
  'the stream ends',
]);

export function describeDelivery(name: string, open: OpenDeliveryHome): void {
  describe(`delivery over ${name}`, () => {
    let stock: DeliveryHome;
    let ours: DeliveryHome;

    beforeAll(async () => {
      stock = await open(false);
      ours = await open(true);
    });
    afterAll(async () => {
      await stock?.stop();
      await ours?.stop();
    });

    for (const script of (Object.keys(deliveryScripts) as ScriptName[]).filter((one) => !apart.has(one))) {
      it(`[F5] ${script}: as on a stock server`, async () => {
        const expected = await play(stock, script);
        const seen = await play(ours, script, expected.clients);
        expect(seen.notes).toEqual(expected.notes);
        expect(seen.clients.map((one, index) => comparable(script, one, expected.clients[index]))).toEqual(
          expected.clients.map((one) => comparable(script, one)),
        );
      });
    }

    it('[F3] all ticks of a turn are one write to a WebSocket, and three turns are three', async () => {
      const expected = await play(stock, 'one write for each turn');
      const seen = await play(ours, 'one write for each turn', expected.clients);
      expect(seen.notes).toEqual([['writes', 3]]);
      expect(expected.notes).toEqual([['writes', 240]]);
    });

    it.each([0, 1])(
      '[F4][F5] a client that upgrades in mid-stream loses and repeats nothing, on node %i',
      async (node) => {
        const [first] = ours.nodes;
        const url = ours.nodes[node % ours.nodes.length]?.url ?? '';
        const ended = first?.run('a stream begins');
        const client = await openDeliveryClient(url, {
          name: 'up',
          node,
          rooms: ['tick:A'],
          early: [],
          transports: ['polling', 'websocket'],
        });
        onTestFinished(() => client.close());
        await until(() => client.upgradedAfter() !== null);
        const before = client.upgradedAfter() ?? 0;
        await until(() => client.events.length > before + 50);
        await first?.run('the stream ends');
        await ended;
        const streamed = (await notesOf(ours)).flat().at(-1);
        await until(() => client.ticks().at(-1)?.seq === streamed);
        const covered = coverage(client)['tick of A'] as number[];
        expect(before).toBeGreaterThan(0);
        expect(covered).toEqual(
          Array.from({ length: covered.length }, (_, index) => Number(covered[0]) + index),
        );
      },
    );
  });
}

/** What a client of a stock server saw, to be waited for at one of ours. */
interface Seen {
  plan: ClientPlan;
  events: unknown[][];
}

/**
 * Runs the script on the first node with fresh clients; waits until all of it came, and shows that nothing came after it.
 * On ours what waits for a poll may come behind a fence: there `expected` says what is waited for first.
 */
export async function play(
  home: DeliveryHome,
  script: ScriptName,
  expected?: readonly Seen[],
  act: (clients: readonly DeliveryClient[]) => Promise<void> = async () => {},
): Promise<{ clients: Seen[]; notes: unknown[] }> {
  const [first] = home.nodes;
  if (first === undefined) throw new Error('a home has a node');
  const clients = await Promise.all(
    plansOf(home.nodes.length).map((plan) => openDeliveryClient(home.nodes[plan.node]?.url ?? '', plan)),
  );
  const seen = (): Seen[] => clients.map(({ plan, events }) => ({ plan, events: [...events] }));
  try {
    // On every node: a poll that is on its way to another one decides what may be lost there.
    await Promise.all(home.nodes.map((node) => node.run('settle')));
    await first.run(script);
    await act(clients);
    if (expected !== undefined)
      await until(() => firstDifference(seen(), expected) === null, {
        saw: () => firstDifference(seen(), expected),
      });
    await first.run('fence');
    await Promise.all(clients.map((client) => client.fenced()));
    return { clients: seen(), notes: await notesOf(home) };
  } finally {
    for (const client of clients) client.close();
  }
}

/** Each event in its place on a WebSocket, unless the script is one of those where that may differ. */
function comparable(script: ScriptName, { plan, events }: Seen, expected?: Seen): unknown {
  const isExact = plan.transports[0] === 'websocket' && !looselyOrdered.has(script) && !merged.has(script);
  const known = expected && coverage(expected);
  return { client: plan.name, saw: isExact ? events : coverage({ events }, known) };
}

/** Of each client in their order; stock goes through clients for each packet, ours through packets for each client. */
async function notesOf({ nodes }: DeliveryHome): Promise<unknown[]> {
  const notes = (await Promise.all(nodes.map((node) => node.notes()))).flat() as unknown[][];
  return notes.toSorted(([a], [b]) => (String(a) < String(b) ? -1 : Number(String(a) > String(b))));
}

/** The first client that did not cover what the one of a stock server saw; null where all did. */
export function firstDifference(seen: readonly Seen[], expected: readonly Seen[]): unknown {
  for (const [index, { plan, events }] of seen.entries()) {
    const other = coverage(expected[index] ?? { events: [] });
    const covered = coverage({ events }, other);
    if (!isDeepStrictEqual(covered, other)) return { client: plan.name, covered, expected: other };
  }
  return null;
}
