/**
 * The composition root: builds the stages of one replica, hands each the neighbours it needs, starts them in the order
 * of the data path and ends them in reverse. Holds no rule of its own.
 */
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { Backplane } from './backplane/contract.ts';
import { createBridge } from './bridge/bridge.ts';
import { createCluster } from './cluster/cluster.ts';
import { createDrain } from './cluster/drain.ts';
import type { AskOptions } from './cluster/node-line.ts';
import type { Config } from './config.ts';
import { createFanout } from './fanout/fanout.ts';
import { createFreshness } from './fanout/freshness.ts';
import { createFeeds } from './feed/feeds.ts';
import { createSymbolList } from './feed/symbol-list.ts';
import { createHttpApp } from './http/app.ts';
import { createMetricsApp } from './http/metrics.ts';
import { createElection } from './leader/election.ts';
import { createAskLeader, serveLeaderCalls } from './leader/leader-calls.ts';
import { createListCall } from './leader/list-call.ts';
import { createPauseCall } from './leader/pause-call.ts';
import { createPauseNote } from './leader/pause-note.ts';
import { createPublisher } from './leader/publisher.ts';
import { createPushCall } from './leader/push-call.ts';
import { createNodeDetails } from './metrics/node-details.ts';
import { createReplicaMetrics } from './metrics/replica-metrics.ts';
import { createAddressLimits } from './session/address-limits.ts';
import { createClients } from './session/client-address.ts';
import { createConnectionGuard } from './session/connection-guard.ts';
import { connectionLimits } from './session/connection-limits.ts';
import { createDoor } from './session/door.ts';
import { createOrigins } from './session/origins.ts';
import { createSessions } from './session/sessions.ts';
import { createPlainServer } from './session/plain-server.ts';
import { createSocketServer, socketPath, type SocketServer } from './session/socket-server.ts';
import { createTraffic, type Traffic } from './session/traffic.ts';
import type { Clock } from './support/clock.ts';
import { createClosing } from './support/closing.ts';
import type { Log } from './support/log.ts';
import { listen } from './support/listen.ts';
import { createMetrics, type Metrics } from './support/metrics.ts';
import { processLoad } from './support/process-load.ts';
import { createProcessMetrics } from './support/process-metrics.ts';
import { createSecretCheck } from './support/secret-check.ts';
import { createUsers } from './users/users.ts';

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

export interface Replica {
  readonly io: SocketServer;
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
/** How long calls have to be answered once every client is gone: longer than a push may take. */
const lastCallsMs = 2_500;

export function createReplica(options: ReplicaOptions): Replica {
  const { config, backplane, log, clock, random, clientRoot, droppedLines, onLeaving, onLeft } = options;
  const { assignment, node } = config;
  const startedAt = clock.monotonic();
  const closing = createClosing({ onError: (error) => log.error({ err: error }, 'a stage did not close') });
  const metrics = options.metrics ?? createMetrics({ node });
  const meter = createReplicaMetrics({
    metrics,
    clock,
    traffic: () => traffic,
    fanout: () => fanout.counters(),
    users: () => sessions.presence().users,
    backplane,
  });

  const feeds = createFeeds({
    assignment,
    updateIntervalMs: config.updateIntervalMs,
    seed: config.simulatorSeed,
    clock,
  });
  const symbolList = createSymbolList({
    assignment,
    notes: backplane.leaderNotes,
    clock,
    log,
    onRead: (bySource) => freshness.listed(bySource),
    onChange: (change) => sessions.tellList(change),
  });
  const { whyUnlisted } = symbolList;

  const pauseNote = createPauseNote(backplane.leaderNotes);
  const publisher = createPublisher({
    node,
    tickStore: backplane.tickStore,
    sources: feeds,
    symbolList: symbolList.keeper,
    pauseNote,
    clock,
    log,
    dayStartMs: config.dayStartMs,
    beatMs: config.lease.beatMs,
    makeBatchId: randomUUID,
    mayAppend: (epoch) => election.mayAppend(epoch),
    onReceived: (ticks) => meter.received(ticks),
    onTick: (tick) => {
      meter.accepted(tick);
      fanout.emit(tick);
    },
    onAppended: (ticks, ms) => meter.appended(ticks, ms),
    onRefused: (reason) => meter.refused(reason),
    onRetried: () => meter.retried(),
    onAnnounce: (announcement) => backplane.announce(announcement),
    onFault: (epoch, reason) => election.stepDown(epoch, reason),
  });
  const users = createUsers({
    ...config,
    seatStore: backplane.userSeats,
    others: {
      isReachable: () => backplane.state().at === 'up',
      ask: (question: string, asked: AskOptions) => peers.askOthers(question, asked),
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
  let stopServing: () => void = () => {};
  const election = createElection({
    node,
    lease: backplane.lease,
    clock,
    log,
    ...config.lease,
    onLead: (epoch) => {
      meter.led(epoch);
      stopServing = serveLeaderCalls(backplane.leaderLine, epoch, publisher);
      publisher.lead(epoch);
    },
    onFollow: () => {
      stopServing();
      publisher.follow();
      meter.followed();
    },
  });

  /** While this replica leaves it no longer looks at the lease, and goes by what the leader says of itself. */
  let announced: { node: string; epoch: number } | null = null;
  const isLeaving = (): boolean => drain.state() !== 'serving';
  const knownLeader = () => (isLeaving() ? announced : election.leader());

  const askLeader = createAskLeader(backplane.leaderLine, () => knownLeader()?.epoch ?? null);
  const push = createPushCall({ askLeader, refuse: symbolList.refusePush, log });

  const fanout = createFanout({
    tickStore: backplane.tickStore,
    maxReplayTicks: config.store.maxReplayTicks,
    clock,
    log,
    onSnapshot: (quote, reason) => sessions.tellSnapshot(quote, reason),
    slowClientMs: config.slowClientMs,
    onTooSlow: (socketId) => {
      const connection = sessions.connectionOf(socketId);
      if (connection !== null) guard.cut(connection, 'slow');
    },
    onArrived: (tick) => meter.arrived(tick),
    onWrites: (ticks, writes) => meter.wrote(ticks, writes),
    onWritten: (ticks) => meter.written(ticks),
    onRepair: (ticks) => meter.repaired(ticks),
  });
  const freshness = createFreshness({
    clock,
    log,
    silenceMs: silentBeats * config.lease.beatMs,
    sources: feeds,
    onChange: (feed) => {
      meter.stale(feed.state === 'stale');
      sessions.tellFeed(feed);
    },
    onSilence: () => {
      // Somebody leads, and the link by which we would hear of it is up: it only looks so.
      if (backplane.state().at === 'down' || !election.isLedAlive()) return;
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
    maxBodyBytes: config.maxMessageBytes,
    clock,
    authenticate,
    symbols: symbolList.symbols,
    whyUnlisted,
    changeList: createListCall({ askLeader, reached: symbolList.reached, log }),
    quotes: async (symbols) => {
      const stored = await backplane.tickStore.read(symbols.map((symbol) => ({ symbol })));
      return stored.flatMap(({ quote }) =>
        quote === null ? [] : [{ ...quote, stale: freshness.isStale(quote.symbol) }],
      );
    },
    push,
    proveSession: users.prove,
    sendMessage: (message) => users.messages.send('api', message),
    sendQuote: (userId, quote) =>
      users.messages.send('quote', { to: { userId }, event: 'quote', data: quote }),
    pauseFeed: createPauseCall({ askLeader, log }),
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
      leader: knownLeader(),
      isLeading: election.state().at === 'leading',
      feed: freshness.feed(),
      isDraining: isLeaving(),
      isListKnown: symbolList.isKnown(),
    }),
  });
  const httpServer = createServer(app);
  closing.add(createProcessMetrics({ metrics, clock, droppedLines, server: httpServer }).close);
  const io = createSocketServer({ httpServer, ...config });
  io.adapter(backplane.adapter(fanout.mixin));
  fanout.attach(io.of('/'));
  const { packets, calls, maxUnreadBytes } = connectionLimits({ ...config, ...config.limits });
  const plain = createPlainServer({
    ...config,
    authenticate,
    seats,
    httpServer,
    clock,
    otherPath: socketPath,
    whyUnlisted,
    streams: fanout,
    onSocket: (socket) => sessions.openPlain(socket),
  });
  const engines = [io.engine, plain.engine];
  const guard = createConnectionGuard({
    engines,
    clock,
    packets,
    maxUnreadBytes,
    onCut: (reason) => meter.cut(reason),
  });
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
          onOutcome: (outcome, ms) => meter.backendAsked(outcome, ms),
          onWaiting: (count) => meter.backendWaiting(count),
          onBreaker: (state) => meter.backendBreaker(state),
        });
  const sessions = createSessions({
    io,
    backend: bridge,
    node,
    clock,
    calls,
    signIn,
    keyNameOf: createSecretCheck(config.apiKeys),
    statistics: (kind) => peers.statistics(kind),
    seats,
    maxSubscriptions: config.limits.maxSubscriptions,
    onJoinedTwice: (connection) => guard.cut(connection, 'protocol'),
    log,
    random,
    feed: () => freshness.feed(),
    whyUnlisted,
    isStale: (symbol) => freshness.isStale(symbol),
    streams: fanout,
    sendMessage: (from, request) => users.messages.sendFrom(from, request),
    onRecovery: (isRecovered, replayed) => meter.recovered(isRecovered, replayed),
    onCallError: (kind) => meter.socketError(kind),
    onSentAway: (how) => meter.sentAway(how),
  });
  const door = createDoor({
    httpServer,
    engine: io.engine,
    path: socketPath,
    clock,
    clientOf: createClients({
      trustedProxies: config.trustProxy,
      trustedNetworks: config.addressLimits.trustedNetworks,
    }),
    origins: createOrigins(config.corsOrigins),
    addressLimits: createAddressLimits(config.addressLimits),
    onRefused: (name) => meter.handshakeRefused(name),
  });
  const traffic: Traffic = createTraffic(engines, { onHandshakeError: () => meter.socketError('handshake') });

  const nodeDetails = createNodeDetails({
    clock,
    load: processLoad,
    traffic,
    fanout,
    now: () => ({
      plain: plain.engine.clientsCount,
      backplane: backplane.state().at,
      feed: freshness.feed().state,
    }),
  });
  const peers = createCluster({
    io,
    clock,
    log,
    node,
    self: () => ({ ...sessions.presence(), isLeaving: isLeaving() }),
    leader: () => knownLeader()?.node ?? null,
    details: () => nodeDetails.read(),
    connections: () => ({
      ...sessions.presence(),
      symbols: nodeDetails.read().symbols,
      users: sessions.byUser(),
    }),
    watchers: sessions.watchers,
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
      door.shut();
      meter.draining();
      peers.tell();
      onLeaving?.();
    },
    releaseLease: () => election.close(),
    sendClientsAway: (ms) => sessions.leave(ms),
    hurry: (ms) => sessions.hurry(ms),
    finishCalls: () => door.quiet(lastCallsMs),
    endStages: async () => {
      await closing.close();
      onLeft?.();
    },
  });

  backplane.onAnnouncement((announcement) => {
    announced = { node: announcement.node, epoch: announcement.epoch };
    if (!freshness.announced(announcement)) return;
    fanout.expect(announcement.heads);
    symbolList.heard(announcement);
    pauseNote.heard(announcement);
  });
  backplane.onState((state) => {
    freshness.linkChanged(state);
    if (state.at === 'down') return;
    symbolList.start();
    election.start();
    users.start();
    peers.tell();
    fanout.resync();
  });

  closing.add(() => backplane.close());
  if (bridge !== null) closing.add(() => bridge.close());
  for (const stage of [users, symbolList, fanout, freshness, guard, plain, sessions, nodeDetails, peers])
    closing.add(() => stage.close());

  return {
    io,
    start: () => {
      peers.start();
      symbolList.start();
      if (backplane.state().at === 'up') election.start();
      users.start();
    },
    listen: () => {
      closing.add(() => httpServer.closeAllConnections());
      closing.add(() => void httpServer.close());
      return listen(httpServer, config);
    },
    listenForMetrics: async () => {
      if (config.metricsPort === null) return null;
      const server = createServer(createMetricsApp({ log, metrics: figures }));
      closing.add(() => server.closeAllConnections());
      closing.add(() => void server.close());
      return listen(server, { host: config.host, port: config.metricsPort, setting: 'METRICS_PORT' });
    },
    close: (hurried) => drain.start(hurried),
  };
}
