import { describe, expect, it } from 'vitest';
import { createBirpc } from 'birpc';
import { createHome, type Home } from './home.ts';
import type { PrimaryCalls } from './ipc.ts';

/** A worker in this process, and what it heard. */
function join(home: Home, node: string) {
  const heard: string[] = [];
  let onFrame: (frame: unknown) => void;
  const guest = home.admit(node, (message) => {
    if (message.type === 'tickwire:call') onFrame(message.frame);
    else heard.push(message.type === 'tickwire:message' ? message.message.topic : message.type);
  });
  const primary = createBirpc<PrimaryCalls>(
    {},
    {
      post: (frame) => guest.receive({ type: 'tickwire:call', frame }),
      on: (listener) => void (onFrame = listener),
    },
  );
  return { ...guest, heard, primary };
}

function createPair() {
  const home = createHome({ windowMs: 60_000, maxWindowBytes: 1e6, clock: { monotonic: () => 0 } });
  return { home, one: join(home, 'one'), two: join(home, 'two') };
}

const message = { from: 'one', topic: 'greeting', payload: null };

async function takeLease({ primary }: ReturnType<typeof join>, node: string) {
  return primary['lease.take'](node, await primary['lease.read']());
}

describe('the home in the primary', () => {
  it('tells every worker of a release, the one that released included', async () => {
    const { one, two } = createPair();
    await takeLease(one, 'one');
    await one.primary['lease.release']('one', 1);
    expect([one.heard, two.heard]).toEqual([['released'], ['released']]);
  });

  it('frees the lease of a worker that is gone, and lets the others know', async () => {
    const { one, two } = createPair();
    await takeLease(one, 'one');
    one.leave();
    expect(two.heard).toEqual(['released']);
    expect(await two.primary['lease.read']()).toMatchObject({ holder: null, epoch: 1 });
  });

  it('leaves the lease alone when the worker that is gone had lost it, even to its namesake', async () => {
    const { home, one, two } = createPair();
    await takeLease(one, 'one');
    await takeLease(two, 'two');
    await takeLease(join(home, 'one'), 'one');
    one.leave();
    two.leave();
    expect(await join(home, 'three').primary['lease.read']()).toMatchObject({ holder: 'one', epoch: 3 });
  });

  it('does nothing for a worker that is gone', async () => {
    const { one, two } = createPair();
    const seen = await one.primary['lease.read']();
    one.leave();
    void one.primary['lease.take']('one', seen).catch(() => {});
    one.receive({ type: 'tickwire:message', message });
    expect(await two.primary['lease.read']()).toEqual(seen);
    expect([one.heard, two.heard]).toEqual([[], []]);
  });

  it('brings a message to one worker by name, and says if there is none', async () => {
    const { one, two } = createPair();
    expect(await one.primary.sendTo('two', message)).toBe(true);
    expect([one.heard, two.heard]).toEqual([[], ['greeting']]);
    expect(await one.primary.sendTo('three', message)).toBe(false);
    two.leave();
    expect(await one.primary.sendTo('two', message)).toBe(false);
  });

  it('brings a message to all to every worker, the sender included', () => {
    const { one, two } = createPair();
    one.receive({ type: 'tickwire:message', message });
    expect([one.heard, two.heard]).toEqual([['greeting'], ['greeting']]);
  });
});
