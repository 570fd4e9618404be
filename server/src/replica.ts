/**
 * The composition root: builds the stages of one replica, hands each the neighbours it needs, starts them in the order
 * of the data path and ends them in reverse. Holds no rule of its own.
 */
import { randomUUID } from 'node:crypto';
import { createCalls } from './backplane/calls.ts';
import { announcementSchema, BackplaneUnavailable, type Backplane } from './backplane/contract.ts';
import { createBridge } from './bridge/bridge.ts';
import { createCluster } from './cluster/cluster.ts';
import { createDrain } from './cluster/drain.ts';
import type { Config } from './config.ts';
import { createFanout } from './fanout/fanout.ts';
import { createFreshness } from './fanout/freshness.ts';
import { createFeeds } from './feed/feeds.ts';
import { createFeedPause } from './feed/pause.ts';
import { createSymbolList } from './feed/symbol-list.ts';
import { createHttpApp } from './http/app.ts';
import { createHttpServer } from './http/http-server.ts';
import { createMetricsApp } from './http/metrics.ts';
import type { LeaderCalls } from './leader/leader-calls.ts';
import { createLeader } from './leader/leader.ts';
import { createLogReader } from './log/log-reader.ts';
import { createPriceBook } from './log/price-book.ts';
import { createNodeDetails } from './metrics/node-details.ts';
import { createReplicaMetrics } from './metrics/replica-metrics.ts';
import { createSessions } from './session/sessions.ts';
import type { SocketServer } from './session/socket-server.ts';
import { createEntrance } from './session/entrance.ts';
import { backoffMs } from './support/backoff.ts';
import type { Clock } from './support/clock.ts';
import { createClosing } from './support/closing.ts';
import type { Log } from './support/log.ts';
import { listen } from './support/listen.ts';
import { createMetrics, type Metrics } from './support/metrics.ts';
import { processLoad } from './support/process-load.ts';
import { createProcessMetrics } from './support/process-metrics.ts';
import { createSecretCheck } from './support/secret-check.ts';
import { createUsers } from './users/users.ts';

/** What a replica is built of. It closes the backplane itself; the log and the process are its caller's. */
export interface ReplicaOptions {
  config: Config;
  backplane: Backplane;
  log: Log;
  clock: Clock;
  random: () => number;
  /** The folder of the built page. */
  clientRoot: string;
  /** Where its figures go; by itself it makes a place of its own. */
  metrics?: Metrics;
  /** Fires once, when this replica begins to leave, whoever asked for it: no new client should be brought here. */
  onLeaving?: () => void;
  /** Log lines of this process that were lost; read when somebody asks. */
  droppedLines?: () => number;
  /** Fires once, when it has left and every stage has ended. */
  onLeft?: () => void;
}

/** One replica; a process may have several. What it serves begins with `start` and ends for good with `close`. */
export interface Replica {
  readonly io: SocketServer;
  /** Pushes ticks to the leader, which may be another replica, as the API does. Never rejects. */
  readonly push: LeaderCalls['push'];
  /** Starts the stages. Clients are served as soon as somebody hands connections to the HTTP server. */
  start(): void;
  /** Listens on the configured port and gives the one it got. Rejects where the port is taken. */
  listen(): Promise<number>;
  /** Opens the port of figures and gives it; null where they have none of their own. Rejects where it is taken. */
  listenForMetrics(): Promise<number | null>;
  /**
   * Drains: takes no more clients, gives up the lease, sends the clients away over `DRAIN_MS` or less, and ends every
   * stage. A second call hurries the first to `withinMs`, where it says so, and gives its promise.
   */
  close(options?: { withinMs?: number }): Promise<void>;
}

/** Announcements come with each beat: three lost ones, and prices may be old. */
const silentBeats = 3;
/** How long a replica waits for its own message to come back to it. */
const echoLimitMs = 1_000;
/** How long a call waits for this replica to have read what it changed. */
const reachedMs = 1_000;
/** How long calls have to be answered once every client is gone: longer than a push may take. */
const lastCallsMs = 2_500;

/** Builds and joins every stage, and opens no port: `listen` does. */
export function createReplica(options: ReplicaOptions): Replica {
  const { config, backplane, log, clock, random, clientRoot, droppedLines, onLeaving, onLeft } = options;
  const { assignment, node } = config;
  const startedAt = clock.monotonic();
  const closing = createClosing({ onError: (error) => log.error({ err: error }, 'a stage did not close') });
  const metrics = options.metrics ?? createMetrics({ node });
  const meter = createReplicaMetrics({
    metrics,
    clock,
    traffic: () => entrance.traffic,
    fanout: () => fanout.counters(),
    symbols: () => fanout.symbols(),
    users: () => sessions.presence().users,
    backplane,
  });

  const { messages } = backplane;
  const calls = createCalls({ node, messages, clock, log });
  calls.answer('echo', () => true);
  const isLeaving = (): boolean => drain.state() !== 'serving';
  const feeds = createFeeds({
    assignment,
    updateIntervalMs: config.updateIntervalMs,
    phase: config.simulatorPhase,
    seed: config.simulatorSeed,
    clock,
  });
  const symbolList = createSymbolList({
    assignment,
    clock,
    log,
    onMoved: () => freshness.listChanged(),
    onChange: (change) => {
      freshness.listChanged();
      sessions.tellList(change);
    },
  });
  const { whyUnlisted } = symbolList;
  const pause = createFeedPause();
  const book = createPriceBook({
    ...config.logWindow,
    maxReplayTicks: config.maxReplayTicks,
    monotonic: () => clock.monotonic(),
  });
  const reader = createLogReader({
    tickLog: backplane.tickLog,
    book,
    clock,
    log,
    retryMs: (attempt) => backoffMs(attempt, { baseMs: 100, maxMs: 1_000 }),
    isOutage: (error) => error instanceof BackplaneUnavailable,
    onBatch: (batch) => {
      fanout.deliver(batch);
      for (const record of batch.records) {
        if (record.kind === 'list') symbolList.change(record);
        else if (record.kind === 'start list') symbolList.changeStart(record.bySource);
        else if (record.kind === 'pause') pause.change(record);
      }
    },
    onStart: ({ reason, notes }) => {
      fanout.restart();
      sessions.restart(reason === 'gap' ? 'gap' : 'generation');
      symbolList.begin(notes);
      pause.begin(notes.pause);
    },
    onRepair: (ticks) => meter.repaired(ticks),
  });

  const leader = createLeader({
    ...config,
    backplane,
    calls,
    sources: feeds,
    book,
    reader,
    list: symbolList.keeper,
    pause: pause.keeper,
    refusePush: symbolList.refusePush,
    reached: {
      list: symbolList.reached,
      batch: (gen, number) => reader.reached(gen, number, reachedMs),
    },
    meter: {
      ...meter,
      appended: (ticks, ms) => {
        meter.appended(ticks.length, ms);
        meter.accepted(ticks);
      },
    },
    isLeaving,
    clock,
    log,
  });
  const users = createUsers({
    ...config,
    seatStore: backplane.userSeats,
    others: {
      isReachable: () => backplane.state().at === 'up',
      ask: (question, asked) => peers.askOthers(question, asked),
    },
    clock,
    log,
    outlets: [(message) => sessions.deliver(message)],
    onSent: (kind, isComplete) => meter.messageSent(kind, isComplete),
    onDelivered: (count) => meter.messageDelivered(count),
    disconnectHere: (user) => sessions.disconnect(user),
    findSession: (id) => sessions.find(id),
    onSeatRefused: (reason) => meter.seatRefused(reason),
    onSeatUncounted: () => meter.seatUncounted(),
  });
  const { authenticate, seats, signIn } = users;
  const fanout = createFanout({
    clock,
    log,
    quoteOf: (symbol) => book.quote(symbol),
    flushWindow: config.flushWindow,
    slowClientMs: config.slowClientMs,
    onTooSlow: (socketId) => {
      const connection = sessions.connectionOf(socketId);
      if (connection !== null) entrance.cut(connection, 'slow');
    },
    onArrived: (first, ticks) => meter.arrived(first, ticks),
    onWrites: (ticks, writes) => meter.wrote(ticks, writes),
    onWritten: (oldest) => meter.written(oldest),
  });
  const freshness = createFreshness({
    clock,
    log,
    silenceMs: silentBeats * config.lease.beatMs,
    symbolsBySource: () => symbolList.bySource(),
    onChange: (feed) => {
      meter.stale(feed.state === 'stale');
      sessions.tellFeed(feed);
    },
    onSilence: (since) => {
      // Somebody leads, and the link by which we would hear of it is up: it only looks so.
      if (backplane.state().at === 'down' || !leader.isLedAlive(since)) return;
      log.warn('a leader beats and nothing of it arrives: the links are rebuilt');
      backplane.rebuild();
    },
  });

  const figures = {
    contentType: metrics.contentType,
    // A cluster's replicas are asked one by one; the workers of one machine share an address.
    text: async () => {
      const others = backplane.kind === 'local' ? [peers.collectOthers(), backplane.collect()] : [];
      return metrics.text((await Promise.all(others)).flat());
    },
  };
  const app = createHttpApp({
    log,
    trustedProxies: config.trustProxy,
    corsOrigins: config.corsOrigins,
    clientRoot,
    apiKeys: config.apiKeys,
    callCounts: backplane.callCounts,
    ...config.apiLimits,
    trustedNetworks: config.addressLimits.trustedNetworks,
    maxBodyBytes: config.maxMessageBytes,
    clock,
    authenticate,
    symbols: symbolList.symbols,
    retired: symbolList.retired,
    whyUnlisted,
    changeList: leader.changeList,
    quotes: (symbols) => {
      if (!reader.hasAnswered()) throw new BackplaneUnavailable('the log was not read yet');
      return symbols.flatMap((symbol) => {
        const quote = book.quote(symbol);
        return quote === null ? [] : [{ ...quote, stale: freshness.isStale(symbol) }];
      });
    },
    push: leader.push,
    proveSession: users.prove,
    sendMessage: (message) => users.messages.send('api', message),
    sendQuote: (userId, quote) =>
      users.messages.send('quote', { to: { userId }, event: 'quote', data: quote }),
    pauseFeed: leader.pauseFeed,
    disconnectUser: users.disconnect,
    feed: () => freshness.feed(),
    countConnections: (user) => peers.countConnections(user),
    nodes: () => peers.list(),
    drainNode: (wanted) => peers.drain(wanted),
    onApiAnswer: (status) => meter.apiAnswered(status),
    metrics: config.metricsPort === null ? figures : null,
    vitals: () => ({
      node,
      uptimeMs: clock.monotonic() - startedAt,
      connections: sessions.presence().connections,
      backplane: { kind: backplane.kind, state: backplane.state() },
      leader: leader.known(),
      isLeading: leader.isLeading(),
      feed: freshness.feed(),
      isDraining: isLeaving(),
      arePricesKnown: reader.hasAnswered(),
    }),
  });
  const httpServer = createHttpServer(app, log);
  closing.add(createProcessMetrics({ metrics, clock, droppedLines, server: httpServer }).close);
  const entrance = createEntrance({
    ...config,
    httpServer,
    adapter: backplane.adapter(fanout.mixin),
    clock,
    log,
    authenticate,
    seats,
    whyUnlisted,
    streams: fanout,
    onClientRefused: (name) => meter.socketError('refused', name),
    onSocket: (socket) => sessions.openPlain(socket),
    onCut: (reason) => meter.cut(reason),
    onRefused: (name) => meter.handshakeRefused(name),
    onHandshakeError: (name) => meter.socketError('handshake', name),
  });
  const { io, traffic } = entrance;
  fanout.attach(io.of('/'));
  const bridge =
    config.backend === null
      ? null
      : createBridge({
          ...config.backend,
          node,
          clock,
          log,
          random,
          makeId: randomUUID,
          instance: () => peers.instance(),
          onAllTold: () => peers.left(),
          onOutcome: (outcome, ms) => meter.backendAsked(outcome, ms),
          onWaiting: (count) => meter.backendWaiting(count),
          onBreaker: (state) => meter.backendBreaker(state),
        });
  const sessions = createSessions({
    io,
    backend: bridge,
    node,
    clock,
    arrivals: entrance.arrivals,
    callBudgets: entrance.callBudgets,
    signIn,
    keyNameOf: createSecretCheck(config.apiKeys),
    statistics: (kind) => peers.statistics(kind),
    seats,
    maxSubscriptions: config.limits.maxSubscriptions,
    onJoinedTwice: (connection) => entrance.cut(connection, 'protocol'),
    log,
    random,
    feed: () => freshness.feed(),
    whyUnlisted,
    isStale: (symbol) => freshness.isStale(symbol),
    prices: { ...book, areKnown: () => reader.hasAnswered(), caughtUp: () => reader.caughtUp() },
    streams: fanout,
    sendMessage: (from, request) => users.messages.sendFrom(from, request),
    onRecovery: (isRecovered, replayed) => meter.recovered(isRecovered, replayed),
    onCallError: (kind, name) => meter.socketError(kind, name),
    onSentAway: (how) => meter.sentAway(how),
  });
  const nodeDetails = createNodeDetails({
    clock,
    load: processLoad,
    traffic,
    fanout,
    now: () => ({
      plain: entrance.plainCount(),
      backplane: backplane.state().at,
      feed: freshness.feed().state,
    }),
  });
  const peers = createCluster({
    messages,
    calls,
    clock,
    log,
    node,
    self: () => ({ ...sessions.presence(), isLeaving: isLeaving() }),
    leader: () => leader.known()?.node ?? null,
    details: () => nodeDetails.read(),
    connections: () => ({
      ...sessions.presence(),
      symbols: nodeDetails.read().symbols,
      users: sessions.byUser(),
    }),
    watchers: sessions.watchers,
    lossListener: bridge,
    probe: () => calls.call(node, 'echo', null, echoLimitMs),
    onDrain: () => void drain.start(),
    collect: () => metrics.collect(),
    answers: users.answers,
  });
  const drain = createDrain({
    clock,
    log,
    drainMs: config.drainMs,
    hasElsewhere: () => peers.hasElsewhere(),
    onStart: () => {
      entrance.shut();
      meter.draining();
      peers.tell();
      onLeaving?.();
    },
    releaseLease: () => leader.close(),
    sendClientsAway: (ms) => sessions.leave(ms),
    hurry: (ms) => sessions.hurry(ms),
    finishCalls: () => entrance.quiet(lastCallsMs),
    endStages: async () => {
      await closing.close();
      onLeft?.();
    },
  });

  messages.onMessage('announcement', (payload) => {
    const announcement = announcementSchema.parse(payload);
    if (!freshness.announced(announcement)) return;
    reader.expect(announcement.gen, announcement.number);
    leader.heard(announcement);
  });
  backplane.onState((state) => {
    freshness.linkChanged(state);
    if (state.at === 'down') return;
    reader.catchUp();
    leader.start();
    users.start();
    peers.tell();
  });

  closing.add(() => backplane.close());
  if (bridge !== null) closing.add(() => bridge.close());
  for (const stage of [users, symbolList, reader, fanout, freshness, entrance, sessions, nodeDetails, peers])
    closing.add(() => stage.close());

  return {
    io,
    push: leader.push,
    start: () => {
      peers.start();
      if (backplane.state().at === 'up') reader.catchUp();
      if (backplane.state().at === 'up') leader.start();
      users.start();
    },
    listen: () => {
      closing.add(() => httpServer.closeAllConnections());
      closing.add(() => void httpServer.close());
      return listen(httpServer, config);
    },
    listenForMetrics: async () => {
      if (config.metricsPort === null) return null;
      const server = createHttpServer(createMetricsApp({ ...config, log, metrics: figures }), log);
      closing.add(() => server.closeAllConnections());
      closing.add(() => void server.close());
      return listen(server, { host: config.host, port: config.metricsPort, setting: 'METRICS_PORT' });
    },
    close: (hurried) => drain.start(hurried),
  };
}
