import { describe, expect, it } from 'vitest';
import type { NodeDetails } from '../../protocol/index.ts';
import { createManualClock } from '../../test/support/stand-ins/manual-clock.ts';
import { createLog } from '../support/log.ts';
import { createCalls } from '../backplane/calls.ts';
import type { Messages } from '../backplane/contract.ts';
import { createCluster, type Cluster } from './cluster.ts';

/** Replicas on one bus whose messages arrive as JSON; a frozen one neither hears nor says anything. */
function setUp(names: readonly string[]) {
  const clock = createManualClock();
  const listeners = new Map<string, Map<string, (payload: unknown) => void>>();
  const frozen = new Set<string>();
  const drained: string[] = [];
  const leaving = new Set<string>();
  const connections = new Map<string, number>();
  const sent = new Map<string, number>();
  /** What those who watch at each replica were told: the names of all replicas, those that leave in brackets. */
  const told = new Map<string, string[]>();

  function bring(from: string, to: string, topic: string, payload: unknown): void {
    if (!frozen.has(to) && !frozen.has(from))
      listeners.get(to)?.get(topic)?.(JSON.parse(JSON.stringify(payload)));
  }

  function messagesOf(node: string): Messages {
    listeners.set(node, new Map());
    return {
      sendAll: (topic, payload) => {
        sent.set(node, (sent.get(node) ?? 0) + 1);
        for (const other of listeners.keys()) if (other !== node) bring(node, other, topic, payload);
      },
      sendTo: async (to, topic, payload) => {
        bring(node, to, topic, payload);
        return listeners.has(to);
      },
      onMessage: (topic, listener) =>
        void listeners.get(node)?.set(topic, (payload) => listener(payload, false)),
    };
  }

  const peers: Record<string, Cluster> = {};
  for (const node of names) {
    const messages = messagesOf(node);
    const log = createLog({ level: 'silent', node });
    told.set(node, []);
    peers[node] = createCluster({
      messages,
      calls: createCalls({ node, messages, clock, log }),
      clock,
      log,
      node,
      self: () => ({
        connections: connections.get(node) ?? 1,
        users: 0,
        anonymous: 1,
        isLeaving: leaving.has(node),
      }),
      leader: () => null,
      details: () => ({}) as NodeDetails,
      connections: () => ({ connections: 1, anonymous: 1, symbols: {}, users: new Map() }),
      watchers: {
        count: (kind) => (kind === 'counts' ? 1 : 0),
        tell: (_kind, statistics) => {
          const shown = statistics.nodes.map((one) =>
            one.state === 'draining' ? `(${one.node})` : one.node,
          );
          told.get(node)?.push(shown.join(' '));
        },
      },
      lossListener: null,
      probe: async () => {},
      onDrain: () => drained.push(node),
      collect: () => Promise.resolve(`figures of ${node}`),
      answers: {
        greet: (body) => `${node} greets ${String(body)}`,
        fail: () => Promise.reject(new Error('a fault')),
        hold: () => new Promise(() => {}),
      },
    });
  }
  for (const each of Object.values(peers)) each.start();
  const at = (node: string): Cluster => {
    const found = peers[node];
    if (found === undefined) throw new Error(`no ${node}`);
    return found;
  };
  const namesAt = (node: string) =>
    at(node)
      .list()
      .map((state) => state.node);
  /** What the promise gives once so much time has passed. */
  async function after<T>(ms: number, given: Promise<T>): Promise<T> {
    await clock.advance(ms);
    return given;
  }
  return { clock, at, namesAt, after, frozen, drained, leaving, connections, sent, told, bring };
}

/** Replicas that have heard of each other. */
async function meet(...names: string[]) {
  const test = setUp(names);
  await test.clock.advance(500);
  return { ...test, r1: test.at('r1') };
}

describe('peers', () => {
  it('know each other after a beat, themselves first', async () => {
    const { namesAt } = await meet('r1', 'r10', 'r2');
    expect(namesAt('r10')).toEqual(['r10', 'r1', 'r2']);
  });

  it('know those who were there before as soon as they tell of themselves', () => {
    const { namesAt } = setUp(['r1', 'r2', 'r3']);
    expect(namesAt('r3')).toEqual(['r3', 'r1', 'r2']);
  });

  it('[CS3] tell once that one leaves, and once that it is gone', () => {
    const { at, leaving, told } = setUp(['r1', 'r2']);
    leaving.add('r2');
    at('r2').tell();
    at('r2').tell();
    expect(told.get('r1')).toEqual(['r1 (r2)']);
    at('r2').close();
    expect(told.get('r1')).toEqual(['r1 (r2)', 'r1']);
  });

  it('[CS3] tell of one that began anew under its name that it was gone, and have it at once', async () => {
    const { clock, namesAt, told, bring } = setUp(['r1', 'r2']);
    await clock.advance(1_000);
    told.set('r1', []);
    const anew = { node: 'r2', connections: 1, users: 0, anonymous: 1, isLeaving: false, uptimeMs: 0 };
    bring('r2', 'r1', 'node', anew);
    expect(told.get('r1')).toEqual(['r1']);
    expect(namesAt('r1')).toEqual(['r1', 'r2']);
    await clock.advance(1_000);
    expect(told.get('r1')).toEqual(['r1', 'r1 r2']);
  });

  it('[CS3] tell the others of their counts within a quarter of a second of a change, else twice a second', async () => {
    const { clock, at, connections, sent } = setUp(['r1', 'r2']);
    await clock.advance(1_000);
    for (let count = 2; count < 6; count++) {
      connections.set('r2', count);
      await clock.advance(250);
      expect(at('r1').list()[1]?.connections).toBe(count);
    }
    const before = sent.get('r2') ?? 0;
    await clock.advance(10_000);
    expect((sent.get('r2') ?? 0) - before).toBe(20);
  });

  it('[DR6] forget one that stopped so soon that a quarter of the two seconds is left to tell of it, and one that left at once', async () => {
    const { clock, at, namesAt, frozen } = await meet('r1', 'r2', 'r3');
    at('r3').close();
    expect(namesAt('r1')).toEqual(['r1', 'r2']);
    frozen.add('r2');
    await clock.advance(1_500);
    expect(namesAt('r1')).toEqual(['r1', 'r2']);
    await clock.advance(225);
    expect(namesAt('r1')).toEqual(['r1']);
    frozen.clear();
    await clock.advance(500);
    expect(namesAt('r1')).toEqual(['r1', 'r2']);
  });

  it('[DR5] say whether another one takes clients, as soon as it tells', async () => {
    const { clock, at, leaving } = setUp(['r1', 'r2']);
    expect(at('r1').hasElsewhere()).toBe(true);
    leaving.add('r2');
    at('r2').tell();
    expect(at('r1').hasElsewhere()).toBe(false);
    await clock.advance(5_000);
    expect(at('r2').hasElsewhere()).toBe(true);
  });

  it('[DR5] are not forgotten while this one is held up and cannot hear them', async () => {
    const { clock, r1, frozen } = await meet('r1', 'r2');
    // What the other says meanwhile would be read only after the timers have run.
    frozen.add('r2');
    await clock.holdUp(5_000);
    expect(r1.hasElsewhere()).toBe(true);
    await clock.advance(1_000);
    expect(r1.hasElsewhere()).toBe(true);
    await clock.advance(500);
    expect(r1.hasElsewhere()).toBe(false);
  });

  it('[DR6] tell the named one to leave, and say when it is unknown or silent', async () => {
    const { clock, r1, after, frozen, drained } = await meet('r1', 'r2', 'r3');
    expect(await after(10, r1.drain('r2'))).toBe('told');
    expect(drained).toEqual(['r2']);
    expect(await r1.drain('nobody')).toBe('unknown');
    frozen.add('r3');
    expect(await after(1_100, r1.drain('r3'))).toBe('silent');
    expect(await r1.drain('r1')).toBe('told');
    await clock.advance(0);
    expect(drained).toEqual(['r2', 'r1']);
  });

  it('give the figures of those that answer', async () => {
    const { r1, after, frozen } = await meet('r1', 'r2', 'r3');
    frozen.add('r3');
    expect(await after(1_100, r1.collectOthers())).toEqual(['figures of r2']);
  });

  it('answer a question with its body, and those that do not are named', async () => {
    const { clock, r1, after, frozen } = await meet('r1', 'r2', 'r3');
    expect(await after(1, r1.askOthers('greet', { body: 'Ann', limitMs: 500 }))).toEqual({
      answers: ['r2 greets Ann', 'r3 greets Ann'],
      silent: [],
    });
    frozen.add('r3');
    const asked = r1.askOthers('greet', { body: 'Ben', limitMs: 500 });
    let isDone = false;
    void asked.then(() => (isDone = true));
    await clock.advance(499);
    expect(isDone).toBe(false);
    await clock.advance(1);
    expect(await asked).toEqual({ answers: ['r2 greets Ben'], silent: ['r3'] });
    expect(await after(500, r1.askOthers('fail', { limitMs: 500 }))).toEqual({
      answers: [],
      silent: ['r2', 'r3'],
    });
  });

  it('wait no longer than for an answer that is enough, and not for the dead', async () => {
    const { clock, r1, after, frozen } = await meet('r1', 'r2', 'r3');
    frozen.add('r3');
    const asked = r1.askOthers('greet', {
      body: 'Ann',
      limitMs: 500,
      isEnough: (answer) => answer === 'r2 greets Ann',
    });
    await clock.advance(1);
    expect((await asked).answers).toEqual(['r2 greets Ann']);
    await clock.advance(2_000);
    expect(await after(1, r1.askOthers('greet', { body: 'Ben', limitMs: 500 }))).toEqual({
      answers: ['r2 greets Ben'],
      silent: [],
    });
  });

  it('[MS5] do not wait for one that leaves meanwhile, and do not name it', async () => {
    const { clock, at, r1 } = await meet('r1', 'r2', 'r3');
    const partly = r1.askOthers('hold', { limitMs: 500 });
    at('r3').close();
    await clock.advance(500);
    expect(await partly).toEqual({ answers: [], silent: ['r2'] });
    const asked = r1.askOthers('hold', { limitMs: 500 });
    await clock.advance(1);
    at('r2').close();
    expect(await asked).toEqual({ answers: [], silent: [] });
    expect(await r1.askOthers('greet', { limitMs: 500 })).toEqual({ answers: [], silent: [] });
  });
});
