/**
 * All that concerns the other replicas, joined: which ones are there, what they can be asked, and the statistics of all. Knows neither
 * how a replica leaves nor what it counts.
 */
import type { AskOptions, Calls, Messages, OthersAnswers } from '../backplane/contract.ts';
import type { Log } from '../support/log.ts';
import {
  createConnectionCounts,
  type ConnectionCounts,
  type ConnectionCountsOptions,
} from './connection-counts.ts';
import { createNodeLosses, type LossListener } from './node-losses.ts';
import { createNodes, type NodeChannel, type NodesOptions, type NodeState } from './nodes.ts';
import { createStatistics, type Statistics, type StatisticsOptions } from './statistics.ts';

/** What this replica reports and answers, and what it does for the others. */
export interface ClusterOptions
  extends
    Pick<NodesOptions, 'clock' | 'node'>,
    Pick<ConnectionCountsOptions, 'connections'>,
    Pick<StatisticsOptions, 'leader' | 'details' | 'watchers'> {
  messages: Messages;
  calls: Calls;
  log: Log;
  /** This replica as it is now. */
  self: () => Omit<NodeState, 'node' | 'uptimeMs' | 'wantsDetails'>;
  /** Makes this replica leave. Called after the replica that asked for it was answered. */
  onDrain: () => void;
  /** The figures of this replica, as JSON. */
  collect: () => Promise<unknown>;
  /** What this replica answers, by question, when `askOthers` of another one asks it. If one throws, the asker gets no answer. */
  answers: Readonly<Record<string, (body: unknown) => unknown>>;
  /** Is told of replicas that died; null if nothing wants to know. */
  lossListener: LossListener | null;
  /** As of `createNodeLosses`. */
  probe: () => Promise<unknown>;
}

/** The other replicas as this one sees them, and the statistics of all. */
export interface Cluster {
  start(): void;
  /** This replica first, then the others by name. */
  list(): NodeState[];
  /** Whether another one takes clients. */
  hasElsewhere(): boolean;
  /** Tells that replica to leave, which may be this one. `silent`: it is there and did not answer in time. */
  drain(node: string): Promise<'told' | 'unknown' | 'silent'>;
  /** The figures of every other replica that answers in time. */
  collectOthers(): Promise<unknown[]>;
  /** Asks every other replica that is not known to be dead. The question is on its way when this returns. */
  askOthers(question: string, options: AskOptions): Promise<OthersAnswers>;
  /** Tells the others at once how this replica is. */
  tell(): void;
  /** What is told to those who watch the cluster, as it is now. */
  statistics: Statistics['now'];
  countConnections: ConnectionCounts['count'];
  /** This replica's instance, by which it is lost when it dies; empty if nothing wants to know. */
  instance(): string;
  /** Nothing is left to be told of this replica: it is not lost when it ends. */
  left(): void;
  close(): void;
}

/** How long another replica may take to answer, in milliseconds. */
const askLimitMs = 1_000;

/** Hears the others at once, and tells nothing of itself before `start`. */
export function createCluster(options: ClusterOptions): Cluster {
  const { node, calls, messages, clock, self, watchers, lossListener, onDrain, collect } = options;
  const startedAt = clock.monotonic();
  const channel: NodeChannel = {
    send: (topic, payload) => messages.sendAll(topic, payload),
    onMessage: (topic, listener) =>
      messages.onMessage(topic, (payload, isOwn) => {
        if (!isOwn) listener(payload);
      }),
  };
  const nodes = createNodes({
    ...options,
    channel,
    self: () => ({
      ...self(),
      uptimeMs: Math.round(clock.monotonic() - startedAt),
      wantsDetails: watchers.count('details') > 0,
    }),
    onGone: (gone) => {
      for (const one of gone) calls.forget(one);
      statistics.nodesDepart();
    },
    onLeaving: () => statistics.nodesDepart(),
  });
  const statistics = createStatistics({ ...options, channel, nodes: () => nodes.list() });
  const losses =
    lossListener === null
      ? null
      : createNodeLosses({ ...options, channel, listener: lossListener, isLeaving: () => self().isLeaving });
  const counts = createConnectionCounts({ ...options, ask: askOthers });
  const answers = { ...options.answers, ...counts.answers, collect, drain };
  for (const [question, answer] of Object.entries(answers)) calls.answer(question, answer);

  /** The answer goes out before anything ends. */
  function drain(): true {
    clock.after(0, onDrain);
    return true;
  }

  function others(): string[] {
    return nodes.others().map((other) => other.node);
  }

  async function askOthers(
    question: string,
    { limitMs, body, isEnough = () => false }: AskOptions,
  ): Promise<OthersAnswers> {
    const asked = others();
    const given = new Map<string, unknown>();
    await new Promise<void>((resolve) => {
      const ends = asked.map(async (other) => {
        // Without an answer it is silent.
        const answer = await calls.call(other, question, body, limitMs).catch(() => undefined);
        if (answer === undefined) return;
        given.set(other, answer);
        if (isEnough(answer)) resolve();
      });
      void Promise.all(ends).then(() => resolve());
    });
    // A replica that has left meanwhile has nothing to answer for.
    const silent = others().filter((other) => asked.includes(other) && !given.has(other));
    return { answers: [...given.values()], silent };
  }

  return {
    start: () => {
      nodes.start();
      losses?.start();
    },
    list: () => nodes.list(),
    hasElsewhere: () => nodes.others().some(({ isLeaving }) => !isLeaving),
    drain: async (wanted) => {
      if (wanted === node) return drain() && 'told';
      if (!others().includes(wanted)) return 'unknown';
      return calls.call(wanted, 'drain', null, askLimitMs).then(
        () => 'told',
        () => 'silent',
      );
    },
    collectOthers: async () => (await askOthers('collect', { limitMs: askLimitMs })).answers,
    askOthers,
    tell: () => {
      nodes.tell();
      losses?.tell();
    },
    statistics: (kind) => statistics.now(kind),
    countConnections: (user) => counts.count(user),
    instance: () => losses?.instance() ?? '',
    left: () => losses?.left(),
    close: () => {
      statistics.close();
      losses?.close();
      nodes.close();
    },
  };
}
