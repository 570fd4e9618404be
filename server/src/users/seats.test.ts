import { describe, expect, it } from 'vitest';
import { createManualClock } from '../../test/support/stand-ins/manual-clock.ts';
import { BackplaneUnavailable, type UserSeats } from '../backplane/contract.ts';
import { createMemoryUserSeats, type MemoryUserSeats } from '../backplane/local/memory-user-seats.ts';
import { createLog } from '../support/log.ts';
import type { SeatLoss } from './seat.ts';
import { beatMs, createSeats, forgottenAfterMs, patienceMs, settleMs, settlingBeatMs } from './seats.ts';

const log = createLog({ level: 'silent', node: 'test' });

/** A store that can be emptied and cut off, and nodes on one clock that ask it. */
function createStage(maxPerUser = 2) {
  const clock = createManualClock();
  let memory: MemoryUserSeats = createMemoryUserSeats();

  function addNode(node: string, isCutAtFirst = false) {
    let isCut = isCutAtFirst;
    let isFrozen = false;
    let takesHeld: Promise<void> | null = null;
    async function reach<T>(answer: () => T): Promise<T> {
      if (isFrozen) await new Promise(() => {});
      if (isCut) throw new BackplaneUnavailable('cut by the test');
      return answer();
    }
    const store: UserSeats = {
      node,
      enter: () => reach(() => memory.enter(node)),
      beat: (gen, noted) => reach(() => memory.beat(node, gen, noted)),
      take: async (gen, seats, max) => {
        await takesHeld;
        return reach(() => memory.take(node, gen, seats, max));
      },
      leave: (gen, seats) => reach(() => memory.leave(node, gen, seats)),
      forget: (gen, other, beat) => reach(() => memory.forget(other, gen, beat)),
      exit: (gen) => reach(() => memory.forget(node, gen)),
    };
    const refused: string[] = [];
    let uncounted = 0;
    const seats = createSeats({
      store,
      maxPerUser,
      clock,
      log,
      onRefused: (reason) => void refused.push(reason),
      onUncounted: () => void uncounted++,
    });
    seats.start();
    /** What became of a connection; `leave` ends it. */
    function connect(cid: string | null, user = 'ann') {
      const connection = {
        state: 'waiting' as 'waiting' | 'seated' | 'refused' | SeatLoss,
        leave: () => {},
      };
      const onLost = (why: SeatLoss): void => void (connection.state = why);
      async function sit(): Promise<void> {
        const leave = await seats.take({ user, cid, onLost });
        if (leave !== null) connection.leave = leave;
        if (connection.state === 'waiting') connection.state = leave === null ? 'refused' : 'seated';
      }
      void sit();
      return connection;
    }
    async function settled(cid: string | null, user?: string) {
      const connection = connect(cid, user);
      await clock.advance(0);
      return connection;
    }
    return {
      seats,
      connect,
      /** A connection that the store has answered. */
      settled,
      stateOf: async (cid: string, user?: string) => (await settled(cid, user)).state,
      refused,
      uncounted: () => uncounted,
      cut: (cut: boolean) => void (isCut = cut),
      freeze: (frozen: boolean) => void (isFrozen = frozen),
      /** Its seats are on their way to the store until the returned function is called. */
      holdTakes(): () => void {
        let release = (): void => {};
        takesHeld = new Promise((resolve) => (release = resolve));
        return () => release();
      },
    };
  }

  return { clock, addNode, empty: () => void (memory = createMemoryUserSeats()) };
}

const statesOf = (connections: { state: string }[]) => connections.map(({ state }) => state);
const startMs = settleMs + 2 * beatMs;

/** Two nodes that have found each other. */
async function startPair(maxPerUser?: number) {
  const stage = createStage(maxPerUser);
  const [one, two] = [stage.addNode('one'), stage.addNode('two')];
  await stage.clock.advance(startMs);
  return { ...stage, one, two };
}

describe('seats', () => {
  it('[ST1] are given up to the limit over all nodes, and to one more when one is left', async () => {
    const { clock, one, two } = await startPair();
    const [a, b, c] = [one.connect('a'), two.connect('b'), one.connect('c')];
    await clock.advance(0);
    expect(statesOf([a, b, c])).toEqual(['seated', 'seated', 'refused']);
    expect(one.refused).toEqual(['full']);
    b.leave();
    expect(await one.stateOf('d')).toBe('seated');
    expect(a.state).toBe('seated');
  });

  it('[ST2] connections without a cid are each their own, on whatever node', async () => {
    const { clock, one, two } = await startPair(3);
    const all = [one.connect(null), two.connect(null), one.connect(null), two.connect(null)];
    await clock.advance(beatMs);
    expect(statesOf(all)).toEqual(['seated', 'seated', 'seated', 'refused']);
  });

  it('[ST2] the same cid takes its seat over, at once on its node, with the next beat on another', async () => {
    const { clock, one, two } = await startPair(1);
    const first = await one.settled('a');
    const second = await one.settled('a');
    expect(statesOf([first, second])).toEqual(['seat_taken_over', 'seated']);
    const third = two.connect('a');
    await clock.advance(beatMs);
    expect(statesOf([second, third])).toEqual(['seat_taken_over', 'seated']);
    // What the old ones do when they end takes nothing from the one that has the seat.
    first.leave();
    second.leave();
    const other = one.connect('b');
    await clock.advance(beatMs);
    expect(statesOf([third, other])).toEqual(['seated', 'refused']);
    expect(one.refused).toEqual(['taken_over', 'taken_over', 'full']);
  });

  it('[ST3] those of a node that died are free within two seconds, and not before it was silent', async () => {
    const { clock, one, two } = await startPair(1);
    await one.settled('a');
    one.freeze(true);
    await clock.advance(forgottenAfterMs - beatMs);
    expect(await two.stateOf('b')).toBe('refused');
    const same = await two.settled('a');
    expect(same.state).toBe('seated');
    same.leave();

    one.freeze(false);
    const third = await two.settled('c');
    one.freeze(true);
    expect(third.state).toBe('seated');
    await clock.advance(2_000 - beatMs);
    third.leave();
    expect(await two.stateOf('d')).toBe('seated');
  });

  it('[ST3] those of a node that leaves are free at once', async () => {
    const { one, two } = await startPair(1);
    await one.settled('a');
    await one.seats.close();
    await one.seats.close();
    expect(await two.stateOf('b')).toBe('seated');
  });

  it('[ST3] what could not be given back is, once the store answers', async () => {
    const { clock, one, two } = await startPair(1);
    const a = await one.settled('a');
    one.cut(true);
    a.leave();
    await clock.advance(beatMs);
    one.cut(false);
    await clock.advance(beatMs);
    expect(await two.stateOf('b')).toBe('seated');
  });

  it('[ST4] a node that was cut off takes its seats again, and ends the connections whose seats others have', async () => {
    const { clock, one, two } = await startPair(1);
    const [ann, bob] = [one.connect('a'), one.connect('a', 'bob')];
    await clock.advance(0);
    one.cut(true);
    await clock.advance(2_000);
    const other = await two.settled('b');
    expect(other.state).toBe('seated');
    one.cut(false);
    await clock.advance(beatMs);
    expect(statesOf([ann, bob, other])).toEqual(['too_many_connections', 'seated', 'seated']);
    expect(one.refused).toEqual(['dispossessed']);
    expect(await two.stateOf('b', 'bob')).toBe('refused');
  });

  it('[ST4] a node that was held up forgets nobody for it', async () => {
    const { clock, one, two } = await startPair(1);
    await one.settled('a');
    // Both: beats of the other wait to be read.
    await clock.holdUp(60_000);
    expect(await two.stateOf('b')).toBe('refused');
  });

  it('[ST5] a store that began anew learns of all who are there, before anyone new gets a seat', async () => {
    const { clock, one, two, empty } = await startPair();
    const held = [one.connect('a'), two.connect('b')];
    await clock.advance(0);
    empty();
    const tellAll = two.holdTakes();
    const early = one.connect('c');
    // The other one is known again, and has not told of its seats.
    await clock.advance(settleMs - settlingBeatMs);
    expect(early.state).toBe('waiting');
    tellAll();
    await clock.advance(2 * settlingBeatMs);
    expect(early.state).toBe('refused');
    expect(statesOf(held)).toEqual(['seated', 'seated']);
  });

  it('[ST5] the wait is over as soon as all who were there have told it, by their next beat', async () => {
    const { clock, one, two, empty } = await startPair();
    await two.settled('b');
    empty();
    const [first, second] = [one.connect('c'), one.connect('d')];
    await clock.advance(beatMs + 2 * settlingBeatMs);
    expect(statesOf([first, second])).toEqual(['seated', 'refused']);
  });

  it('[ST5] it is short where one does not come that was there', async () => {
    const { clock, one, two, empty } = await startPair();
    two.cut(true);
    empty();
    const early = one.connect('c');
    await clock.advance(settleMs - 1);
    expect(early.state).toBe('waiting');
    await clock.advance(settlingBeatMs);
    expect(early.state).toBe('seated');
  });

  it('[ST5] who has too many keeps them, and gets no more until enough have left', async () => {
    const { clock, one, two, empty } = await startPair();
    const held = [one.connect('a'), one.connect('b')];
    await clock.advance(0);
    one.cut(true);
    empty();
    await clock.advance(startMs);
    held.push(await two.settled('c'));
    one.cut(false);
    await clock.advance(startMs);
    expect(statesOf(held)).toEqual(['seated', 'seated', 'seated']);
    held[0]?.leave();
    expect(await two.stateOf('d')).toBe('refused');
    held[1]?.leave();
    expect(await two.stateOf('e')).toBe('seated');
  });

  it('[ST6] while the store does not answer users are let in as far as the node can tell, and counted after', async () => {
    const { clock, one, two } = await startPair();
    const before = [one.connect('a'), two.connect('b')];
    await clock.advance(0);
    one.cut(true);
    two.cut(true);
    await clock.advance(beatMs);
    const meanwhile = [one.connect('c'), one.connect('d'), one.connect('c'), one.connect('x', 'bob')];
    await clock.advance(0);
    const [ended, refused, bobs] = ['seat_taken_over', 'refused', 'seated'];
    expect(statesOf(meanwhile)).toEqual([ended, refused, 'seated', bobs]);
    expect(one.uncounted()).toBe(3);
    one.cut(false);
    two.cut(false);
    await clock.advance(beatMs);
    expect(statesOf(before)).toEqual(['seated', 'seated']);
    expect(statesOf(meanwhile)).toEqual([ended, refused, 'too_many_connections', bobs]);
  });

  it('[ST6] who takes over its own seat meanwhile has it after, and only it', async () => {
    const { clock, one, two } = await startPair();
    const first = await one.settled('a');
    one.cut(true);
    await clock.advance(beatMs);
    const second = await one.settled('a');
    expect(statesOf([first, second])).toEqual(['seat_taken_over', 'seated']);
    one.cut(false);
    await clock.advance(beatMs);
    second.leave();
    const others = [two.connect('b'), two.connect('c')];
    await clock.advance(0);
    expect(statesOf(others)).toEqual(['seated', 'seated']);
  });

  it('[ST6] nobody waits for ever for a store that never answered', async () => {
    const { clock, addNode } = createStage();
    const node = addNode('late', true);
    const early = node.connect('a');
    await clock.advance(patienceMs - 1);
    expect(early.state).toBe('waiting');
    await clock.advance(1);
    expect(early.state).toBe('seated');
    expect(node.uncounted()).toBe(1);
  });

  it('leave no timer behind', async () => {
    const { clock, one, two } = await startPair();
    one.connect('a');
    await one.seats.close();
    await two.seats.close();
    expect(clock.timers()).toBe(0);
  });
});
