/**
 * Which other replicas have died, for those who must be told what such a one can tell no more: each has an instance, a name of
 * its own for as long as nobody takes it for lost, and one whose beat stopped is lost. The first in order of those who live says
 * so to the others, who then need not. One that was taken for lost and lives has another instance from when it hears that.
 * Judges by its own monotonic clock, and not while it would hear nobody. SPEC.md [BR9].
 */
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { Clock } from '../support/clock.ts';
import type { Log } from '../support/log.ts';
import { byNode, type NodeChannel } from './nodes.ts';

/** One life of a replica, as far as others know. */
export interface Instance {
  node: string;
  /** Like no other. */
  instance: string;
}

/** Who must be told. */
export interface LossListener {
  /**
   * Called once for an instance that is lost, at one replica; at another too where this one ends before it has told it, or where
   * they did not hear of each other. Resolves with whether it was told, and never rejects.
   */
  nodeLost(lost: Instance): Promise<boolean>;
  /** Called when this replica was taken for lost: from here on it has another instance. */
  beginAgain(): void;
}

interface NodeLossesOptions {
  channel: NodeChannel;
  clock: Clock;
  log: Log;
  node: string;
  isLeaving: () => boolean;
  /** Resolves where a message of another replica would have come; what beats tell means nothing while it does not. */
  probe: () => Promise<unknown>;
  listener: LossListener;
}

/** This replica as one that may be lost, and that looks for others that are: from `start` to `close`. */
export interface NodeLosses {
  /** This replica's own. */
  instance(): string;
  /** Tells of this replica from now on. */
  start(): void;
  /** Tells of it at once: the link to the others may be new. */
  tell(): void;
  /** Tells of it no more. Who does not call `left` too is lost. */
  close(): void;
  /** Nothing is left to be told of this replica: it is not lost when its beat stops. */
  left(): void;
}

const beatMs = 250;
const lookMs = 250;
/** A beat may stand still for this long: a replica that died is told within two seconds, one that is held up for a second and a half is not. */
export const lostAfterMs = 1_650;
/** What may count as silence at one look: after a longer pause of ours, beats wait to be read. */
const maxSilenceOfLookMs = 1.5 * lookMs;
/** Who has not beaten for this long is not waited for to speak first. */
const mutedAfterMs = 1_000;
/** For each replica in front of this one in order, so much longer is waited for its word, which it says at two looks: a link may be new. */
const patienceMs = 3 * lookMs;
/** Nobody is heard where the probe has waited for this long, */
const outageAfterMs = 500;
/** and once it resolves again, so much more silence is borne: not all are back at once. */
const graceMs = 2_000;
/** Of those that are lost as many are remembered, so that one of them that lives can be told. */
const maxRemembered = 1_000;

const aliveSchema = z.object({ node: z.string(), instance: z.string(), isLeaving: z.boolean() });
const leftSchema = z.object({ instance: z.string() });
/** `by` is the instance that is telling it to whoever must be told; null where that is done. */
const lostSchema = z.object({ node: z.string(), instance: z.string(), by: z.string().nullable() });

/** A loss that is not told yet. */
interface Owed extends Instance {
  /** The instance that is telling it. */
  by: string;
}

interface Known extends Instance {
  isLeaving: boolean;
  silentMs: number;
}

/** Hears of the others at once; tells of itself, and looks for losses, from `start` on. */
export function createNodeLosses(options: NodeLossesOptions): NodeLosses {
  const { channel, clock, log, node, isLeaving, probe, listener } = options;
  let own = randomUUID();
  let isStarted = false;
  let stops: (() => void)[] = [];
  let lookedAt = clock.monotonic();
  /** When the probe began that is not over yet. */
  let askedAt: number | null = null;
  let isRefused = false;
  /** By instance. */
  const known = new Map<string, Known>();
  const lost = new Set<string>();
  /** Of those that are lost, by instance. */
  const owed = new Map<string, Owed>();
  /** Those of which was spoken here since the last look, and is once more: a link may be new. */
  let spoken: Instance[] = [];

  function tell(): void {
    if (isStarted) channel.send('alive', { node, instance: own, isLeaving: isLeaving() });
  }

  channel.onMessage('alive', (payload) => {
    const heard = aliveSchema.parse(payload);
    if (lost.has(heard.instance)) {
      sayLost(heard);
      return;
    }
    const isNew = !known.has(heard.instance);
    known.set(heard.instance, { ...heard, silentMs: 0 });
    // It has just come, and has not heard of us either.
    if (!isNew) return;
    tell();
    for (const one of owed.values()) if (one.by === own) sayLost(one);
  });
  channel.onMessage('left', (payload) => void known.delete(leftSchema.parse(payload).instance));
  channel.onMessage('lost', (payload) => {
    const { by, ...heard } = lostSchema.parse(payload);
    const { instance } = heard;
    if (instance === own) {
      beginAgain();
      return;
    }
    remember(instance);
    if (by === null) owed.delete(instance);
    else if (owed.get(instance)?.by !== own) owed.set(instance, { ...heard, by });
  });

  function sayLost({ node: gone, instance }: Instance): void {
    channel.send('lost', { node: gone, instance, by: owed.get(instance)?.by ?? null });
  }

  /** It is told from here, whatever becomes of whoever was telling it. */
  async function take(one: Instance): Promise<void> {
    const { node: gone, instance } = one;
    owed.set(instance, { node: gone, instance, by: own });
    spoken.push(one);
    sayLost(one);
    if (!(await listener.nodeLost({ node: gone, instance }))) return;
    owed.delete(instance);
    if (!isStarted) return;
    spoken.push(one);
    sayLost(one);
  }

  function remember(instance: string): void {
    known.delete(instance);
    lost.add(instance);
    const [oldest] = lost;
    if (lost.size <= maxRemembered || oldest === undefined) return;
    lost.delete(oldest);
    owed.delete(oldest);
  }

  function beginAgain(): void {
    if (!isStarted) return;
    const before = own;
    own = randomUUID();
    for (const one of owed.values()) if (one.by === before) one.by = own;
    log.warn('this replica was taken for lost, and begins again');
    listener.beginAgain();
    tell();
  }

  /** How many speak before us of that node in order: not one that began anew under its name. */
  function countBefore(gone: string): number {
    return [...known.values()].filter(
      (one) =>
        one.node !== gone &&
        !one.isLeaving &&
        one.silentMs < mutedAfterMs &&
        (isLeaving() || byNode(one, { node }) < 0),
    ).length;
  }

  function ask(now: number): void {
    if (askedAt !== null) return;
    askedAt = now;
    const settle = (refused: boolean): void => {
      askedAt = null;
      isRefused = refused;
    };
    probe().then(
      () => settle(false),
      // Why is told by who keeps the link to it.
      () => settle(true),
    );
  }

  function look(): void {
    const now = clock.monotonic();
    const silenceMs = Math.min(now - lookedAt, maxSilenceOfLookMs);
    lookedAt = now;
    if (isRefused || (askedAt !== null && now - askedAt >= outageAfterMs))
      for (const one of known.values()) one.silentMs = -graceMs;
    ask(now);
    for (const one of spoken) sayLost(one);
    spoken = [];
    for (const one of known.values()) one.silentMs += silenceMs;
    for (const one of known.values()) {
      const { node: gone, instance } = one;
      if (one.silentMs < lostAfterMs + patienceMs * countBefore(gone)) continue;
      remember(instance);
      log.warn({ gone, instance }, 'a replica is lost');
      void take(one);
    }
    // Whoever was telling these is lost or has left.
    for (const one of owed.values())
      if (one.by !== own && !known.has(one.by) && countBefore(one.node) === 0) void take(one);
  }

  return {
    instance: () => own,
    start: () => {
      isStarted = true;
      lookedAt = clock.monotonic();
      stops = [clock.every(beatMs, tell), clock.every(lookMs, look)];
      tell();
    },
    tell,
    close: () => {
      isStarted = false;
      for (const stop of stops) stop();
    },
    left: () => channel.send('left', { instance: own }),
  };
}
