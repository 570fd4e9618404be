/**
 * Who else is there: every replica tells of itself with each beat, and one whose beat stopped is forgotten. Judges by its
 * own monotonic clock, on which time counts little in which this process was held up and could not hear either.
 */
import { z } from 'zod';
import type { Clock } from '../support/clock.ts';

/** Brings JSON to every other replica, at most once and not to the sender. */
export interface NodeChannel {
  send(topic: string, payload: object): void;
  onMessage(topic: string, listener: (payload: unknown) => void): void;
}

const nodeSchema = z.object({
  node: z.string(),
  /** Clients connected to it. */
  connections: z.number(),
  /** Different users among them, and those that are of no user. One of an earlier version does not tell. */
  users: z.number().default(0),
  anonymous: z.number().default(0),
  /** Whether it sends its clients away. */
  isLeaving: z.boolean(),
  /** How long it has run. */
  uptimeMs: z.number().default(0),
  /** Whether somebody there watches the details of every node. */
  wantsDetails: z.boolean().default(false),
});

/** One replica, as it last told. */
export type NodeState = z.output<typeof nodeSchema>;

const goneSchema = z.object({ node: z.string() });

/** What the registry is made of. */
export interface NodesOptions {
  channel: NodeChannel;
  clock: Clock;
  node: string;
  /** This replica as it is now. */
  self: () => Omit<NodeState, 'node'>;
  /** Fires when others have left, are taken for dead, or began anew; they are not in the lists, the last not yet again. */
  onGone: (nodes: readonly string[]) => void;
  /** Fires when another begins to leave. */
  onLeaving: () => void;
}

/** The replicas that are there, by what they tell of themselves; who is silent for too long is forgotten. */
export interface Nodes {
  /** Tells of this replica from now on. */
  start(): void;
  /** This replica first, then the others by name. */
  list(): NodeState[];
  others(): NodeState[];
  /** Tells the others at once, not with the next beat. */
  tell(): void;
  /** Stops, and tells the others that this replica is gone. */
  close(): void;
}

const beatMs = 500;
/** A node is forgotten, and those who watch have been told, within two seconds of its last beat; two lost beats are borne. */
const forgottenAfterMs = 1_600;
/** How often is looked whether this replica is not as it last told. */
const changeLookMs = 250;
/** How often is looked at the silence of the others, of which each look may add as much to the two seconds; */
const silenceLookMs = 125;
/** what may count as silence at one look: after a longer one, beats wait to be read. */
const maxSilenceOfLookMs = beatMs;

/** Made once: `localeCompare` makes one each time, which took a quarter of an idle replica's timers. */
const names = new Intl.Collator('en', { numeric: true });

/** The one order of replicas: by name, and by the numbers in it. */
export function byNode(a: { node: string }, b: { node: string }): number {
  return names.compare(a.node, b.node);
}

/** What the others are told of at once, and not with the next beat. */
const signOf = (state: NodeState): string => JSON.stringify({ ...state, uptimeMs: 0 });

/** Hears of the others at once; tells of this replica by itself from `start` on. */
export function createNodes({ node: name, channel, clock, self, onGone, onLeaving }: NodesOptions): Nodes {
  const known = new Map<string, { state: NodeState; silentMs: number }>();
  let lookedAt = clock.monotonic();

  channel.onMessage('node', (payload) => {
    const state = nodeSchema.parse(payload);
    // Another process of our own name is not somebody else.
    if (state.node === name) return;
    const before = known.get(state.node)?.state;
    // Another process has its name: what the one before had is gone.
    if (before !== undefined && state.uptimeMs < before.uptimeMs) forget([state.node]);
    const isNew = !known.has(state.node);
    // The next look counts from the last one on.
    const sinceLook = Math.min(clock.monotonic() - lookedAt, maxSilenceOfLookMs);
    known.set(state.node, { state, silentMs: -sinceLook });
    // It has just come, and has not heard of us either.
    if (isNew && isStarted) tell();
    if (state.isLeaving && before?.isLeaving === false) onLeaving();
  });
  channel.onMessage('gone', (payload) => forget([goneSchema.parse(payload).node]));

  function forget(nodes: readonly string[]): void {
    const gone = nodes.filter((node) => known.delete(node));
    if (gone.length > 0) onGone(gone);
  }

  function tellChange(): void {
    if (signOf(own()) !== toldSign) tell();
  }

  function lookAtSilence(): void {
    const now = clock.monotonic();
    const silenceMs = Math.min(now - lookedAt, maxSilenceOfLookMs);
    lookedAt = now;
    for (const one of known.values()) one.silentMs += silenceMs;
    forget([...known].flatMap(([node, { silentMs }]) => (silentMs >= forgottenAfterMs ? [node] : [])));
  }

  function others(): NodeState[] {
    return [...known.values()].map(({ state }) => state).toSorted(byNode);
  }

  const own = (): NodeState => ({ node: name, ...self() });
  let toldSign = '';
  function tell(): void {
    const state = own();
    toldSign = signOf(state);
    channel.send('node', state);
  }
  let stops: (() => void)[] = [];
  let isStarted = false;

  return {
    start: () => {
      isStarted = true;
      lookedAt = clock.monotonic();
      stops = [
        clock.every(beatMs, tell),
        clock.every(changeLookMs, tellChange),
        clock.every(silenceLookMs, lookAtSilence),
      ];
      tell();
    },
    list: () => [own(), ...others()],
    others,
    tell,
    close: () => {
      isStarted = false;
      for (const stop of stops) stop();
      channel.send('gone', { node: name });
    },
  };
}
