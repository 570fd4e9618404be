/**
 * The other replicas and what they can be asked: to leave, for their figures, and what the composition root adds. Knows neither
 * how one leaves nor what a figure is.
 */
import type { Clock } from '../support/clock.ts';
import type { Log } from '../support/log.ts';
import { createNodeLine, type Answers, type AskOptions, type NodeChannel } from './node-line.ts';
import { createNodes, type NodeState } from './nodes.ts';

/** What this replica tells and answers, and what it does for the others. */
export interface PeersOptions {
  channel: NodeChannel;
  clock: Clock;
  log: Log;
  node: string;
  /** This replica as it is now. */
  self: () => Omit<NodeState, 'node'>;
  /** Fires when others leave, have left, are taken for dead, or began anew. */
  onDeparture: () => void;
  /** Makes this replica leave. Called after whoever asked for it was answered. */
  onDrain: () => void;
  /** The figures of this replica, as JSON. */
  collect: () => Promise<unknown>;
  /** What this replica answers when `askOthers` of another one asks it. */
  answers?: Answers;
}

/** What came of a question to all others. */
export interface OthersAnswers {
  answers: unknown[];
  /** The replicas that are there and did not answer in time, by name. */
  silent: string[];
}

/** The other replicas, as this one sees them. */
export interface Peers {
  start(): void;
  /** This replica first, then the others by name. */
  list(): NodeState[];
  /** Whether another one takes clients. */
  hasElsewhere(): boolean;
  /** Tells that replica to leave, which may be this one. `silent`: it is there and did not answer in time. */
  drain(node: string): Promise<'told' | 'unknown' | 'silent'>;
  /** The figures of every other replica that answers in time. */
  collectOthers(): Promise<unknown[]>;
  /** Asks every other replica that is not known to be dead. What is sent is on its way when this returns. */
  askOthers(question: string, options: AskOptions): Promise<OthersAnswers>;
  /** Tells the others at once how this replica is. */
  tell(): void;
  close(): void;
}

/** How long another replica may take to answer, in milliseconds. */
const askLimitMs = 1_000;

/** Hears the others at once, and tells nothing of itself before `start`. */
export function createPeers(options: PeersOptions): Peers {
  const { node, channel, clock, log, self, onDeparture, onDrain, collect } = options;
  const nodes = createNodes({
    node,
    channel,
    clock,
    self,
    onGone: (gone) => {
      for (const one of gone) line.forget(one);
      onDeparture();
    },
    onLeaving: onDeparture,
  });
  const line = createNodeLine({
    node,
    channel,
    clock,
    answers: { ...options.answers, collect, drain },
    onError: (error) => log.error({ err: error }, 'a question of another replica was not answered'),
  });

  /** The answer goes out before anything ends. */
  function drain(): true {
    clock.after(0, onDrain);
    return true;
  }

  async function askOthers(question: string, asked: AskOptions): Promise<OthersAnswers> {
    const names = (): string[] => nodes.others().map((other) => other.node);
    const others = names();
    const answers = await line.ask(others, question, asked);
    // Who has left meanwhile has nothing to answer for.
    const silent = names().filter((other) => others.includes(other) && !answers.has(other));
    return { answers: [...answers.values()], silent };
  }

  return {
    start: () => nodes.start(),
    list: () => nodes.list(),
    hasElsewhere: () => nodes.others().some(({ isLeaving }) => !isLeaving),
    drain: async (wanted) => {
      if (wanted === node) return drain() && 'told';
      if (!nodes.others().some((other) => other.node === wanted)) return 'unknown';
      return (await line.ask([wanted], 'drain', { limitMs: askLimitMs })).has(wanted) ? 'told' : 'silent';
    },
    collectOthers: async () => (await askOthers('collect', { limitMs: askLimitMs })).answers,
    askOthers,
    tell: () => nodes.tell(),
    close: () => nodes.close(),
  };
}
