import { describe, expect, it } from 'vitest';
import type { Lease } from '../backplane/contract.ts';
import { createMemoryLease } from '../backplane/local/memory-lease.ts';
import { createKeptLog } from '../../test/support/stand-ins/kept-log.ts';
import { createManualClock } from '../../test/support/stand-ins/manual-clock.ts';
import { createElection } from './election.ts';

/** Nodes that share one lease in memory; each node's link can be cut. */
function setUp() {
  const { log, lines } = createKeptLog();
  const memory = createMemoryLease();
  const clock = createManualClock();
  const listeners: (() => void)[] = [];

  function join(node: string) {
    const events: string[] = [];
    let cut = false;
    let hangs = false;
    const reach = async <T>(answer: () => T): Promise<T> => {
      if (cut) throw new Error('cut off');
      return answer();
    };
    const lease: Lease = {
      read: () => reach(() => memory.read()),
      take: (seen) => reach(() => memory.take(node, seen)),
      beat: (epoch) => (hangs ? new Promise(() => {}) : reach(() => memory.beat(node, epoch))),
      release: (epoch) =>
        reach(() => {
          if (memory.release(node, epoch)) for (const listener of listeners) listener();
        }),
      onRelease: (listener) => void listeners.push(listener),
    };
    const election = createElection({
      node,
      lease,
      clock,
      log,
      beatMs: 500,
      deadlineMs: 1_400,
      ttlMs: 2_000,
      onLead: (epoch) => events.push(`lead ${epoch}`),
      onFollow: (reason) => events.push(`follow: ${reason}`),
    });
    election.start();
    return { election, events, cut: (on: boolean) => (cut = on), hangBeats: () => (hangs = true) };
  }
  /** What was logged of the lease itself. */
  const said = () => lines.map(({ msg }) => String(msg)).filter((msg) => /lease/.test(msg));
  return { memory, clock, join, said };
}

/** Node `a` leads. */
async function leading() {
  const stage = setUp();
  const a = stage.join('a');
  await stage.clock.advance(0);
  return { ...stage, a };
}

/** Node `a` leads, `b` follows. */
async function leadingPair() {
  const stage = await leading();
  return { ...stage, b: stage.join('b') };
}

describe('createElection', () => {
  it('[LD1] takes a free lease at once, and one node alone holds it', async () => {
    const { clock, a, b } = await leadingPair();
    await clock.advance(10_000);
    expect(a.events).toEqual(['lead 1']);
    expect(b.events).toEqual([]);
    expect(b.election.leader()).toEqual({ node: 'a', epoch: 1 });
  });

  it('[LD2] a follower takes over after the time to live without a beat, not before', async () => {
    const { clock, a, b } = await leadingPair();
    await clock.advance(1_000);
    a.cut(true);
    await clock.advance(1_900);
    expect(b.events).toEqual([]);
    await clock.advance(700);
    expect(b.events).toEqual(['lead 2']);
  });

  it('[FR4] a leader is known to live by a beat that was seen since, and once its term was seen for two beats', async () => {
    const { clock, a, b } = await leadingPair();
    const aliveSince = (ago: number): boolean[] =>
      [a, b].map(({ election }) => election.isLedAlive(clock.monotonic() - ago));
    const alive = (): boolean[] => aliveSince(501);
    await clock.advance(900);
    expect(alive()).toEqual([false, false]);
    await clock.advance(600);
    expect(alive()).toEqual([true, true]);
    expect(aliveSince(-1)).toEqual([true, false]);
    a.cut(true);
    await clock.advance(1_100);
    expect(alive()).toEqual([false, false]);
    await clock.advance(1_400);
    expect(b.events).toEqual(['lead 2']);
    expect(alive()).toEqual([false, false]);
    a.cut(false);
    await clock.advance(1_600);
    expect(alive()).toEqual([true, true]);
  });

  it('an outage of the lease is one line at its beginning and one at its end', async () => {
    const { clock, join, said } = setUp();
    const a = join('a');
    for (let outage = 0; outage < 2; outage++) {
      await clock.advance(5_000);
      a.cut(true);
      await clock.advance(10_000);
      a.cut(false);
    }
    await clock.advance(5_000);
    const pair = ['the lease cannot be reached; trying on', 'the lease is reached again'];
    expect(said()).toEqual([...pair, ...pair]);
  });

  it('[LD3] a leader that cannot renew stops before its lease ends, also while its beat hangs', async () => {
    const { clock, join } = setUp();
    const a = join('a');
    a.hangBeats();
    await clock.advance(1_399);
    expect(a.election.mayAppend(1)).toBe(true);
    await clock.advance(1);
    expect(a.election.mayAppend(1)).toBe(false);
    expect(a.events).toEqual(['lead 1', 'follow: no good beat for 1400 ms']);
  });

  it('[LD4] a leader whose link breaks stops at once, and leads again in the next epoch when it is back', async () => {
    const { clock, a } = await leading();
    a.cut(true);
    await clock.advance(500);
    expect(a.events).toEqual(['lead 1', 'follow: the lease cannot be renewed']);
    a.cut(false);
    await clock.advance(500);
    expect(a.events.at(-1)).toBe('lead 2');
  });

  it('[LD4] a leader whose lease another took by force stops with its next beat', async () => {
    const { memory, clock, a } = await leading();
    memory.take('thief', memory.read());
    await clock.advance(500);
    expect(a.events).toEqual(['lead 1', 'follow: the lease is no longer held']);
    expect(a.election.mayAppend(1)).toBe(false);
  });

  it('[LD5] a leader that closes is followed at once', async () => {
    const { clock, a, b } = await leadingPair();
    await clock.advance(700);
    await a.election.close();
    await clock.advance(0);
    expect(a.events).toEqual(['lead 1', 'follow: closing']);
    expect(b.events).toEqual(['lead 2']);
    await a.election.close();
  });

  it('a term ended by its publisher is followed by a new epoch, never by the same one', async () => {
    const { clock, a } = await leading();
    a.election.stepDown(1, 'the store began anew');
    a.election.stepDown(1, 'twice');
    await clock.advance(500);
    expect(a.events).toEqual(['lead 1', 'follow: the store began anew', 'lead 2']);
  });

  it('nobody is taken for the leader while the lease cannot be read', async () => {
    const { clock, b } = await leadingPair();
    await clock.advance(500);
    b.cut(true);
    await clock.advance(500);
    expect(b.election.leader()).toBeNull();
  });
});
