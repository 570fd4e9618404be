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
import type { NodeChannel } from './node-line.ts';
import { byNode } from './nodes.ts';

/** One life of a replica, as far as others know. */
export interface Instance {
  node: string;
  /** Like no other. */
  instance: string;
}

/** Who must be told. */
export interface LossListener {
  /** Called once for an instance that is lost, at one replica; at several only where they did not hear of each other. */
  nodeLost(lost: Instance): void;
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
const namedSchema = z.object({ instance: z.string() });

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
  /** Those that were found lost here at the last look. */
  let found: string[] = [];

  function tell(): void {
    if (isStarted) channel.send('alive', { node, instance: own, isLeaving: isLeaving() });
  }

  channel.onMessage('alive', (payload) => {
    const heard = aliveSchema.parse(payload);
    if (lost.has(heard.instance)) {
      channel.send('lost', { instance: heard.instance });
      return;
    }
    const isNew = !known.has(heard.instance);
    known.set(heard.instance, { ...heard, silentMs: 0 });
    // It has just come, and has not heard of us either.
    if (isNew) tell();
  });
  channel.onMessage('left', (payload) => void known.delete(namedSchema.parse(payload).instance));
  channel.onMessage('lost', (payload) => {
    const { instance } = namedSchema.parse(payload);
    if (instance === own) beginAgain();
    else remember(instance);
  });

  function remember(instance: string): void {
    known.delete(instance);
    lost.add(instance);
    const [oldest] = lost;
    if (lost.size > maxRemembered && oldest !== undefined) lost.delete(oldest);
  }

  function beginAgain(): void {
    if (!isStarted) return;
    own = randomUUID();
    log.warn('this replica was taken for lost, and begins again');
    listener.beginAgain();
    tell();
  }

  /** How long that node's silence is borne here: those before us in order speak first, but for one that began anew under its name. */
  function patienceWith(gone: string): number {
    const first = [...known.values()].filter(
      (one) =>
        one.node !== gone &&
        !one.isLeaving &&
        one.silentMs < mutedAfterMs &&
        (isLeaving() || byNode(one, { node }) < 0),
    );
    return lostAfterMs + patienceMs * first.length;
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
    for (const instance of found) channel.send('lost', { instance });
    found = [];
    for (const one of known.values()) one.silentMs += silenceMs;
    for (const one of known.values()) {
      const { node: gone, instance } = one;
      if (one.silentMs < patienceWith(gone)) continue;
      remember(instance);
      found.push(instance);
      channel.send('lost', { instance });
      log.warn({ gone, instance }, 'a replica is lost');
      listener.nodeLost({ node: gone, instance });
    }
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
