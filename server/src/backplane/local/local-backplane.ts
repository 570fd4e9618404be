/**
 * The backplane of one worker: every call goes to the primary over IPC, and room emits go through the cluster adapter
 * on the same pipe. Holds nothing but the state of that link; what is shared lives in the primary's home.ts.
 */
import { randomUUID } from 'node:crypto';
import process from 'node:process';
import { NodeClusterAdapter } from '@socket.io/cluster-adapter';
import { createBirpc } from 'birpc';
import type { Clock } from '../../support/clock.ts';
import type { Log } from '../../support/log.ts';
import { BackplaneUnavailable, type Backplane, type BackplaneState } from '../contract.ts';
import { createMessages } from '../messages.ts';
import { beatMs, callTimeoutMs, type PrimaryCalls } from './ipc.ts';
import { onPrimaryMessage, sendToPrimary } from './worker.ts';

interface LocalBackplaneOptions {
  /** The node's id, which its lease records carry. */
  node: string;
  log: Log;
  clock: Clock;
}

/** The outcome of a call that fails is unknown, whatever went wrong. */
async function ask<Answer>(call: Promise<Answer>): Promise<Answer> {
  try {
    return await call;
  } catch (cause) {
    throw new BackplaneUnavailable('the primary did not answer', { cause });
  }
}

/**
 * The backplane in a worker of `createPrimary`; it listens to the primary when this returns. It is down while the
 * primary does not answer its beats, and when the primary is gone: then Node ends the process right after. A worker
 * that closed its backplane falls silent and is ended by the primary after some seconds, if it has not ended itself.
 */
export function createLocalBackplane({ node, log, clock }: LocalBackplaneOptions): Backplane {
  const batchListeners: ((bytes: Buffer) => void)[] = [];
  const stateListeners: ((state: BackplaneState) => void)[] = [];
  const roundTripListeners: ((ms: number) => void)[] = [];
  let state: BackplaneState = { at: 'up' };

  /** This node's name that no process before it has had. */
  const life = `${node}:${randomUUID()}`;
  let onFrame: (frame: unknown) => void;
  const primary = createBirpc<PrimaryCalls>(
    {},
    {
      post: (frame) => sendToPrimary({ type: 'tickwire:call', frame }),
      on: (listener) => void (onFrame = listener),
      timeout: callTimeoutMs,
    },
  );
  const messages = createMessages({
    self: life,
    log,
    sendAll: (message) => {
      if (!primary.$closed) sendToPrimary({ type: 'tickwire:message', message });
    },
    sendTo: (to, message) => ask(primary.sendTo(to, message)),
  });
  const stopListening = onPrimaryMessage((message) => {
    if (message.type === 'tickwire:call') onFrame(message.frame);
    if (message.type === 'tickwire:batch') for (const listener of batchListeners) listener(message.bytes);
    if (message.type === 'tickwire:message') messages.receive(message.message);
  });

  function change(next: BackplaneState): void {
    if (next.at === state.at) return;
    state = next;
    log.warn(
      { backplane: state },
      next.at === 'up' ? 'the primary answers again' : 'the primary is out of reach',
    );
    for (const listener of stateListeners) listener(state);
  }

  async function beat(): Promise<void> {
    const sentAt = clock.monotonic();
    const isAnswered = await primary.beat().then(
      () => true,
      () => false,
    );
    if (primary.$closed) return;
    if (isAnswered) for (const listener of roundTripListeners) listener(clock.monotonic() - sentAt);
    change(
      isAnswered ? { at: 'up' } : { at: 'down', since: clock.now(), reason: 'the primary does not answer' },
    );
  }

  function onDisconnect(): void {
    primary.$close();
    change({ at: 'down', since: clock.now(), reason: 'the primary is gone' });
  }

  const stopBeats = clock.every(beatMs, () => void beat());
  // Node's own listener ends the process, so this one comes before it.
  process.prependOnceListener('disconnect', onDisconnect);

  return {
    kind: 'local',
    lease: {
      read: () => ask(primary['lease.read']()),
      take: (seen) => ask(primary['lease.take'](node, seen)),
      beat: (epoch) => ask(primary['lease.beat'](node, epoch)),
      release: async (epoch) => void (await ask(primary['lease.release'](node, epoch))),
      onRelease: (listener) => messages.onMessage('released', listener),
    },
    tickLog: {
      // The primary's log loses nothing while it lives.
      claim: (epoch) => ask(primary['log.claim'](epoch, life)),
      // The primary works out the quotes itself.
      append: ({ quotes: _quotes, ...append }) => ask(primary['log.append'](append)),
      readState: () => ask(primary['log.readState']()),
      readAfter: (gen, number) => ask(primary['log.readAfter'](gen, number)),
      onBatch: (listener) => void batchListeners.push(listener),
    },
    messages,
    userSeats: {
      node: life,
      enter: () => ask(primary['seats.enter'](life)),
      beat: (gen, noted) => ask(primary['seats.beat'](life, gen, noted)),
      take: (gen, seats, max) => ask(primary['seats.take'](life, gen, seats, max)),
      leave: (gen, seats) => ask(primary['seats.leave'](life, gen, seats)),
      forget: (gen, other, beats) => ask(primary['seats.forget'](other, gen, beats)),
      exit: (gen) => ask(primary['seats.forget'](life, gen)),
    },
    callCounts: { take: (caller, limit) => ask(primary.countCall(caller, limit)) },
    adapter(wrap) {
      const Wrapped = wrap(NodeClusterAdapter);
      // Socket.IO calls it with `new`, which an arrow function does not take.
      return function createAdapter(nsp) {
        // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- every adapter class takes a namespace first
        return new Wrapped(nsp as never);
      };
    },
    state: () => state,
    onState: (listener) => void stateListeners.push(listener),
    // Everything comes over the pipe of the beats, and a process without its pipe ends. There is nothing to rebuild.
    rebuild: () => {},
    onRoundTrip: (listener) => void roundTripListeners.push(listener),
    // What cannot be sent to the primary is lost with this process.
    lostPublishes: () => 0,
    // Without an answer the figures of the workers are told all the same.
    collect: () => primary.collect().catch(() => []),
    close: async () => {
      process.off('disconnect', onDisconnect);
      stopBeats();
      stopListening();
      primary.$close();
    },
  };
}
