import { describe, expect, it } from 'vitest';
import { createManualClock } from '../../test/support/stand-ins/manual-clock.ts';
import { createLog } from '../support/log.ts';
import type { NodeChannel } from './nodes.ts';
import { createNodeLosses, lostAfterMs, type NodeLosses } from './node-losses.ts';

/** Within this long a loss is found: the look after it, and what the clock's first look may be late. */
const foundMs = lostAfterMs + 500;

/** Replicas on one bus; one that is dead or cut off neither hears nor says anything and does not reach the home, which may be away. */
function setUp() {
  const clock = createManualClock();
  const listeners = new Map<object, Map<string, (payload: unknown) => void>>();
  const mute = new Set<object>();
  const told: string[] = [];
  const begun: string[] = [];
  let home: () => Promise<unknown> = () => Promise.resolve();
  let takes: () => Promise<boolean> = () => Promise.resolve(true);

  function add(node: string) {
    const key = {};
    const channel: NodeChannel = {
      send: (topic, payload) => {
        if (mute.has(key)) return;
        for (const [other, topics] of listeners)
          if (other !== key && !mute.has(other)) topics.get(topic)?.(payload);
      },
      onMessage: (topic, listener) => {
        const topics = listeners.get(key) ?? new Map<string, (payload: unknown) => void>();
        listeners.set(key, topics.set(topic, listener));
      },
    };
    let isLeaving = false;
    let reach = (): void => {};
    const losses: NodeLosses = createNodeLosses({
      channel,
      clock,
      log: createLog({ level: 'silent', node }),
      node,
      isLeaving: () => isLeaving,
      probe: () => (mute.has(key) ? new Promise<void>((resolve) => void (reach = resolve)) : home()),
      listener: {
        nodeLost: async (lost) => {
          if (mute.has(key)) return false;
          told.push(`${node}: ${lost.instance}`);
          return takes();
        },
        beginAgain: () => void begun.push(node),
      },
    });
    losses.start();
    return {
      losses,
      mute: () => void mute.add(key),
      unmute: () => {
        mute.delete(key);
        reach();
      },
      /** Ends after it has told everything. */
      leave: () => {
        losses.close();
        losses.left();
      },
      drain: () => void (isLeaving = true),
    };
  }

  return {
    clock,
    add,
    told,
    begun,
    setHome: (answer: typeof home) => void (home = answer),
    /** How the losses that are told from now on end. */
    setTaking: (answer: typeof takes) => void (takes = answer),
  };
}

async function startThree() {
  const stage = setUp();
  const [r1, r2, r3] = [stage.add('r1'), stage.add('r2'), stage.add('r3')];
  await stage.clock.advance(1_000);
  /** The replica dies, and its loss is found; gives the instance that it was. */
  async function kill({ losses, mute }: typeof r1): Promise<string> {
    const instance = losses.instance();
    mute();
    await stage.clock.advance(foundMs);
    return instance;
  }
  return { ...stage, r1, r2, r3, kill };
}

describe('losses of nodes', () => {
  it('[BR9] one that died is told once, by the first in order of those who live', async () => {
    const { clock, r1, kill, told, begun } = await startThree();
    const instance = await kill(r1);
    expect(told).toEqual([`r2: ${instance}`]);
    await clock.advance(10_000);
    expect(told).toHaveLength(1);
    expect(begun).toEqual([]);
  });

  it('[BR9] of two that died together both are told, each once, as soon', async () => {
    const { clock, r1, r2, told } = await startThree();
    const instances = [r1, r2].map(({ losses }) => `r3: ${losses.instance()}`);
    r1.mute();
    r2.mute();
    await clock.advance(foundMs);
    expect(told.toSorted()).toEqual(instances.toSorted());
  });

  it('[BR9] one that leaves does not speak for others', async () => {
    const { clock, r1, r2, r3, kill, told } = await startThree();
    r1.drain();
    await clock.advance(1_000);
    const instance = await kill(r3);
    expect(told).toEqual([`r2: ${instance}`]);
    expect(r2.losses.instance()).not.toBe(instance);
  });

  it('[BR9] one that began anew under the same name is not waited for, and the life before is told', async () => {
    const { clock, r1, add, told } = await startThree();
    const instance = r1.losses.instance();
    r1.mute();
    const anew = add('r1');
    await clock.advance(foundMs);
    expect(told).toEqual([`r2: ${instance}`]);
    expect(anew.losses.instance()).not.toBe(instance);
  });

  it('[BR9] one that has told everything is not lost when it ends, one that has not is', async () => {
    const { clock, r1, r2, told } = await startThree();
    const instance = r1.losses.instance();
    for (const { losses } of [r1, r2]) losses.close();
    r2.losses.left();
    await clock.advance(10_000);
    expect(told).toEqual([`r3: ${instance}`]);
  });

  it('[BR9] one that wakes has another instance, tells of its sessions again once, and may be lost again', async () => {
    const { clock, r3, kill, told, begun } = await startThree();
    const instance = await kill(r3);
    r3.unmute();
    await clock.advance(1_000);
    expect(begun).toEqual(['r3']);
    expect(r3.losses.instance()).not.toBe(instance);
    await clock.advance(10_000);
    expect(told).toEqual([`r1: ${instance}`]);
    const second = await kill(r3);
    expect(told).toEqual([`r1: ${instance}`, `r1: ${second}`]);
  });

  it.each([
    ['is lost', true],
    ['leaves', false],
  ])('[BR9] a loss that was not told when its teller %s is told by the next', async (_, isKilled) => {
    const { clock, r1, r2, told, setTaking } = await startThree();
    const [first, second] = [r1, r2].map(({ losses }) => losses.instance());
    setTaking(() => new Promise(() => {}));
    r1.mute();
    await clock.advance(foundMs);
    expect(told).toEqual([`r2: ${first}`]);
    setTaking(() => Promise.resolve(true));
    if (isKilled) r2.mute();
    else r2.leave();
    await clock.advance(10_000);
    expect(told.slice(1).toSorted()).toEqual(
      (isKilled ? [`r3: ${first}`, `r3: ${second}`] : [`r3: ${first}`]).toSorted(),
    );
  });

  it('[BR9] a loss that was told is told by nobody else when its teller ends, and one that came later knows what was not', async () => {
    const { clock, r1, r2, r3, kill, add, told, setTaking } = await startThree();
    const first = await kill(r1);
    expect(told).toEqual([`r2: ${first}`]);
    setTaking(() => new Promise(() => {}));
    const second = await kill(r2);
    expect(told.slice(1)).toEqual([`r3: ${second}`]);
    const later = add('r4');
    await clock.advance(1_000);
    r3.leave();
    await clock.advance(10_000);
    expect(told.slice(2)).toEqual([`r4: ${second}`]);
    later.losses.close();
  });

  it.each([
    ['refuses', () => Promise.reject(new Error('away'))],
    ['hangs', () => new Promise(() => {})],
  ])(
    '[BR9] while the home %s nobody is lost, and who died meanwhile is found after it is back',
    async (_, away) => {
      const { clock, r1, r2, r3, told, setHome } = await startThree();
      const all = [r1, r2, r3];
      let answer = (): void => {};
      const hanging = new Promise<void>((resolve) => void (answer = resolve));
      setHome(() => Promise.race([away(), hanging]));
      for (const one of all) one.mute();
      await clock.advance(30_000);
      expect(told).toEqual([]);
      answer();
      setHome(() => Promise.resolve());
      // They find the home one after the other.
      r3.unmute();
      await clock.advance(1_500);
      r2.unmute();
      await clock.advance(1_000);
      expect(told).toEqual([]);
      await clock.advance(5_000);
      expect(told).toEqual([`r3: ${r1.losses.instance()}`]);
    },
  );
});
