import { describe, expect, it } from 'vitest';
import type { Announcement } from '../contract.ts';
import { createCalls } from './calls.ts';
import { createHome, type Home } from './home.ts';
import type { LeaderAnswer, PrimaryCalls, PrimaryMessage, WorkerCalls } from './ipc.ts';

type Answer = WorkerCalls['answer'];

const nobody: Answer = async () => ({ ok: false, reason: 'nobody' });

/** A worker in this process, and what it heard. */
function join(home: Home, answer: Answer = nobody) {
  const heard: PrimaryMessage['type'][] = [];
  const calls = createCalls<PrimaryCalls, WorkerCalls>({ answer }, (frame) =>
    guest.receive({ type: 'tickwire:call', frame }),
  );
  const guest = home.admit((message) => {
    if (message.type === 'tickwire:call') calls.receive(message.frame);
    else heard.push(message.type);
  });
  return { ...guest, heard, primary: calls.remote };
}

function createPair(answer?: Answer) {
  const home = createHome({ clock: { monotonic: () => 0 } });
  return { home, one: join(home, answer), two: join(home) };
}

const announcement: Announcement = {
  node: 'one',
  epoch: 1,
  gens: ['AAAAAA'],
  heads: [],
  changes: { version: 0, feeds: [] },
  feed: { state: 'live', since: 0, reason: '', sources: [] },
};

async function takeLease({ primary }: ReturnType<typeof join>, node: string) {
  return primary.leaseTake(node, await primary.leaseRead());
}

describe('the home in the primary', () => {
  it('tells every worker of a release, the one that released included', async () => {
    const { one, two } = createPair();
    await takeLease(one, 'one');
    await one.primary.leaseRelease('one', 1);
    expect([one.heard, two.heard]).toEqual([['tickwire:released'], ['tickwire:released']]);
  });

  it('frees the lease of a worker that is gone, and lets the others know', async () => {
    const { one, two } = createPair();
    await takeLease(one, 'one');
    one.leave();
    expect(two.heard).toEqual(['tickwire:released']);
    expect(await two.primary.leaseRead()).toMatchObject({ holder: null, epoch: 1 });
  });

  it('leaves the lease alone when the worker that is gone had lost it, even to its namesake', async () => {
    const { home, one, two } = createPair();
    await takeLease(one, 'one');
    await takeLease(two, 'two');
    await takeLease(join(home), 'one');
    one.leave();
    two.leave();
    expect(await join(home).primary.leaseRead()).toMatchObject({ holder: 'one', epoch: 3 });
  });

  it('does nothing for a worker that is gone', async () => {
    const { one, two } = createPair();
    const seen = await one.primary.leaseRead();
    one.leave();
    void one.primary.leaseTake('one', seen).catch(() => {});
    one.receive({ type: 'tickwire:announce', announcement });
    expect(await two.primary.leaseRead()).toEqual(seen);
    expect([one.heard, two.heard]).toEqual([[], []]);
  });

  it('brings a call to the worker that serves the epoch, until it stops', async () => {
    const { one, two } = createPair(async (epoch, request) => ({ ok: true, answer: [epoch, request] }));
    expect(await two.primary.callLeader(4, 'r')).toEqual({ ok: false, reason: 'nobody' });
    await one.primary.serve(4);
    expect(await two.primary.callLeader(4, 'r')).toEqual({ ok: true, answer: [4, 'r'] });
    await one.primary.stopServing(4);
    expect(await two.primary.callLeader(4, 'r')).toEqual({ ok: false, reason: 'nobody' });
  });

  it('ends the calls that a worker had not answered when it was gone, and sends it no more', async () => {
    let asked = 0;
    const { one, two } = createPair(() => {
      asked++;
      return new Promise<LeaderAnswer>(() => {});
    });
    await one.primary.serve(4);
    const call = two.primary.callLeader(4, 'r');
    const outcome = call.catch((error: Error) => error.message);
    await expect.poll(() => asked).toBe(1);
    one.leave();
    expect(await outcome).toBe('the worker is gone');
    expect(await two.primary.callLeader(4, 'r')).toEqual({ ok: false, reason: 'nobody' });
  });

  it('brings an announcement to every worker, the sender included', () => {
    const { one, two } = createPair();
    one.receive({ type: 'tickwire:announce', announcement });
    expect([one.heard, two.heard]).toEqual([['tickwire:announcement'], ['tickwire:announcement']]);
  });
});
