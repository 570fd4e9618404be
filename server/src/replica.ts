/**
 * The composition root: builds the stages of one replica, hands each the neighbours it needs, starts them in the order
 * of the data path and ends them in reverse. Holds no rule of its own.
 */
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { tickRoom, tierOfRoom } from '../protocol/index.ts';
import type { Backplane } from './backplane/contract.ts';
import { createDrain } from './cluster/drain.ts';
import { createNodeChannel } from './cluster/node-channel.ts';
import { createPeers } from './cluster/peers.ts';
import type { Config } from './config.ts';
import { createFanout } from './fanout/fanout.ts';
import { createFreshness } from './fanout/freshness.ts';
import { refusePush } from './feed/assignment.ts';
import { createFeeds } from './feed/feeds.ts';
import { createHttpApp } from './http/app.ts';
import { createElection } from './leader/election.ts';
import { createPublisher, type PushBatch } from './leader/publisher.ts';
import { createPushCall } from './leader/push-call.ts';
import { createReplicaMetrics } from './replica-metrics.ts';
import { createConnectionGuard } from './session/connection-guard.ts';
import { createDoor } from './session/door.ts';
import { createSessions } from './session/sessions.ts';
import { createSocketServer, socketPath, type SocketServer } from './session/socket-server.ts';
import { createTraffic, type Traffic } from './session/traffic.ts';
import type { Clock } from './support/clock.ts';
import { createClosing } from './support/closing.ts';
import type { Log } from './support/log.ts';
import { listen } from './support/listen.ts';
import { createMetrics } from './support/metrics.ts';
import { createProcessMetrics } from './support/process-metrics.ts';

export interface ReplicaOptions {
  config: Config;
  backplane: Backplane;
  log: Log;
  clock: Clock;
  random: () => number;
  /** The folder of the built page. */
  clientRoot: string;
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

/** A page that connects may ask for hundreds of symbols one by one, all at once. */
const packetBurst = 5;
const callBurst = 10;
/** What a connection may leave unread: the answer and the snapshot of a subscribe to all that it may have, twice over. */
const unreadBytesPerSymbol = 1_024;
const minUnreadSymbols = 1_024;

export function createReplica(options: ReplicaOptions): Replica {
  const { config, backplane, log, clock, random, clientRoot, droppedLines, onLeaving, onLeft } = options;
  const { assignment, node } = config;
  const startedAt = clock.monotonic();
  const closing = createClosing({ onError: (error) => log.error({ err: error }, 'a stage did not close') });
  const metrics = createMetrics({ node });
  const meter = createReplicaMetrics({
    metrics,
    clock,
    traffic: () => traffic,
    fanout: () => fanout.counters(),
  });

  const feeds = createFeeds({
    assignment,
    updateIntervalMs: config.updateIntervalMs,
    seed: config.simulatorSeed,
    clock,
  });
  const listed = new Set(assignment.symbols);

  const publisher = createPublisher({
    node,
    tickStore: backplane.tickStore,
    sources: feeds,
    clock,
    log,
    dayStartMs: config.dayStartMs,
    beatMs: config.lease.beatMs,
    makeBatchId: randomUUID,
    mayAppend: (epoch) => election.mayAppend(epoch),
    onReceived: (ticks) => {
      for (const { ts } of ticks) meter.reached('source', ts);
    },
    onTick: (tick) => {
      meter.reached('append', tick.ts);
      io.to(tickRoom(tick.symbol)).emit('tick', tick);
    },
    onAppended: (ticks, ms) => meter.appended(ticks, ms),
    onRefused: (reason) => meter.refused(reason),
    onRetried: () => meter.retried(),
    onAnnounce: (announcement) => backplane.announce(announcement),
    onFault: (epoch, reason) => election.stepDown(epoch, reason),
  });
  let stopServing: () => void = () => {};
  const election = createElection({
    node,
    lease: backplane.lease,
    clock,
    log,
    ...config.lease,
    onLead: (epoch) => {
      meter.led(epoch);
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- both ends are replicas: this is what `push` sent
      stopServing = backplane.leaderLine.serve(epoch, (request) => publisher.push(request as PushBatch));
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

  const push = createPushCall({
    leaderLine: backplane.leaderLine,
    epoch: () => knownLeader()?.epoch ?? null,
    refuse: (symbols) => refusePush(symbols, assignment),
    log,
  });

  const fanout = createFanout({
    tickStore: backplane.tickStore,
    maxReplayTicks: config.store.maxReplayTicks,
    clock,
    log,
    onSnapshot: (quote, reason) => sessions.tellSnapshot(quote, reason),
    slowClientMs: config.slowClientMs,
    onTooSlow: (socket) => guard.cut(socket.conn, 'slow'),
    onArrived: ({ ts }) => meter.reached('replica', ts),
    onWritten: (ticks) => {
      // The slower rates are late by choice.
      for (const { room, tick } of ticks) if (tierOfRoom(room) === 0) meter.reached('write', tick.ts);
    },
    onRepair: (ticks) => {
      meter.repaired(ticks === null ? 'snapshot' : 'replay');
      log.debug(
        { ticks },
        ticks === null ? 'ticks are gone: a snapshot took their place' : 'a hole was mended',
      );
    },
  });
  let hasBeenLive = false;
  const freshness = createFreshness({
    clock,
    silenceMs: silentBeats * config.lease.beatMs,
    sources: feeds,
    onChange: (feed) => {
      // An outage and its end are told alike; the first leader of a start is no news.
      log[hasBeenLive ? 'warn' : 'info']({ state: feed.state, reason: feed.reason }, 'freshness changed');
      hasBeenLive ||= feed.state === 'live';
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

  const app = createHttpApp({
    log,
    trustedProxies: config.trustProxy,
    corsOrigins: config.corsOrigins,
    clientRoot,
    apiKeys: config.apiKeys,
    maxBodyBytes: config.maxMessageBytes,
    clock,
    symbols: () => assignment.symbols,
    quotes: async (symbols) => {
      const stored = await backplane.tickStore.read(symbols.map((symbol) => ({ symbol })));
      return stored.flatMap(({ quote }) =>
        quote === null ? [] : [{ ...quote, stale: freshness.isStale(quote.symbol) }],
      );
    },
    push,
    nodes: () => peers.list(),
    drainNode: (wanted) => peers.drain(wanted),
    metrics: {
      contentType: metrics.contentType,
      // A cluster's replicas are asked one by one; the workers of one machine share an address.
      text: async () => {
        const others = backplane.kind === 'local' ? [peers.collectOthers(), backplane.collect()] : [];
        return metrics.text((await Promise.all(others)).flat());
      },
    },
    vitals: () => {
      const leader = knownLeader();
      const link = backplane.state();
      return {
        node,
        uptimeMs: clock.monotonic() - startedAt,
        connections: sessions.count(),
        backplane: { kind: backplane.kind, state: link },
        leader: {
          node: leader?.node ?? null,
          me: election.state().at === 'leading',
          epoch: leader?.epoch ?? 0,
        },
        feed: freshness.feed(),
        isDraining: isLeaving(),
        notReady: [
          ...(isLeaving() ? ['this replica is leaving'] : []),
          ...(link.at === 'down' ? [`the backplane is away: ${link.reason}`] : []),
        ],
      };
    },
  });
  const httpServer = createServer(app);
  closing.add(createProcessMetrics({ metrics, clock, droppedLines, server: httpServer }).close);
  const io = createSocketServer({ httpServer, ...config });
  io.adapter(backplane.adapter(fanout.mixin));
  fanout.attach(io.of('/'));
  const { maxPacketsPerSecond, maxCallsPerSecond, maxSubscriptions } = config.limits;
  const guard = createConnectionGuard({
    engine: io.engine,
    clock,
    packets: {
      perSecond: maxPacketsPerSecond,
      // The largest message must fit, and each KB counts.
      burst: Math.max(packetBurst * maxPacketsPerSecond, config.maxMessageBytes / 512),
    },
    maxUnreadBytes: unreadBytesPerSymbol * Math.max(maxSubscriptions, minUnreadSymbols),
    onCut: (reason) => meter.cut(reason),
  });
  const sessions = createSessions({
    io,
    node,
    clock,
    calls: { perSecond: maxCallsPerSecond, burst: callBurst * maxCallsPerSecond },
    maxSubscriptions,
    onJoinedTwice: (connection) => guard.cut(connection, 'protocol'),
    log,
    random,
    feed: () => freshness.feed(),
    isListed: (symbol) => listed.has(symbol),
    isStale: (symbol) => freshness.isStale(symbol),
    openStream: (symbol) => fanout.open(symbol),
    missedSince: (symbol, position) => fanout.missedSince(symbol, position),
    reaches: (symbol, position) => fanout.reaches(symbol, position),
    enterRate: (symbol, everyMs, id, join) => fanout.enter(symbol, everyMs, id, join),
    onRecovery: (isRecovered, replayed) => meter.recovered(isRecovered, replayed),
    beforeSnapshot: (socketId, symbols) => fanout.beforeSnapshot(socketId, symbols),
    writeTicks: (socketId, ticks) => fanout.writeTo(socketId, ticks),
    beat: (ms) => fanout.beat(ms),
    onCallError: (kind) => meter.socketError(kind),
    onSentAway: (how) => meter.sentAway(how),
  });
  const door = createDoor({ httpServer, path: socketPath, clock });
  const traffic: Traffic = createTraffic(io, { onHandshakeError: () => meter.socketError('handshake') });

  const peers = createPeers({
    channel: createNodeChannel({ io, log }),
    clock,
    log,
    node,
    self: () => ({ connections: sessions.count(), isLeaving: isLeaving() }),
    onDrain: () => void drain.start(),
    collect: () => metrics.collect(),
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
    if (freshness.announced(announcement)) fanout.expect(announcement.heads);
  });
  backplane.onState((state) => {
    freshness.linkChanged(state);
    if (state.at === 'down') return;
    election.start();
    peers.tell();
    fanout.resync();
  });

  closing.add(() => backplane.close());
  closing.add(() => fanout.close());
  closing.add(() => freshness.close());
  closing.add(() => guard.close());
  closing.add(() => sessions.close());
  closing.add(() => peers.close());

  return {
    io,
    start: () => {
      peers.start();
      if (backplane.state().at === 'up') election.start();
    },
    listen: () => {
      closing.add(() => httpServer.closeAllConnections());
      closing.add(() => void httpServer.close());
      return listen(httpServer, config);
    },
    close: (hurried) => drain.start(hurried),
  };
}
