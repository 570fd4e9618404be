/**
 * The composition root: builds the stages of one replica, hands each the neighbours it needs, starts them in the order
 * of the data path and ends them in reverse. Holds no rule of its own.
 */
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { refusal, tickRoom } from '../protocol/index.ts';
import { NoLeader, type Backplane } from './backplane/contract.ts';
import type { Config } from './config.ts';
import { createFanout } from './fanout/fanout.ts';
import { createFreshness } from './fanout/freshness.ts';
import { refusePush } from './feed/assignment.ts';
import { createFeeds } from './feed/feeds.ts';
import { createHttpApp } from './http/app.ts';
import { createElection } from './leader/election.ts';
import { createPublisher, type PushBatch, type PushOutcome } from './leader/publisher.ts';
import { createSessions } from './session/sessions.ts';
import { createSocketServer, type SocketServer } from './session/socket-server.ts';
import type { Clock } from './support/clock.ts';
import { createClosing } from './support/closing.ts';
import type { Log } from './support/log.ts';

export interface ReplicaOptions {
  config: Config;
  backplane: Backplane;
  log: Log;
  clock: Clock;
  random: () => number;
  /** The folder of the built page. */
  clientRoot: string;
}

export interface Replica {
  readonly io: SocketServer;
  /** Starts the stages. Clients are served as soon as somebody hands connections to the HTTP server. */
  start(): void;
  /** Listens on the configured port and gives the one it got. Rejects where the port is taken. */
  listen(): Promise<number>;
  /** Takes no more clients, sends the ones there are away, gives up the lease and ends every stage. Idempotent. */
  close(): Promise<void>;
}

/** Announcements come with each beat: three lost ones, and prices may be old. */
const silentBeats = 3;
/** How long clients have to be gone once they were told to go, in milliseconds. */
const leaveLimitMs = 2_000;

export function createReplica({
  config,
  backplane,
  log,
  clock,
  random,
  clientRoot,
}: ReplicaOptions): Replica {
  const { assignment, node } = config;
  const startedAt = clock.monotonic();
  const closing = createClosing({ onError: (error) => log.error({ err: error }, 'a stage did not close') });
  let leaving = false;

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
    onTick: (tick) => void io.to(tickRoom(tick.symbol)).emit('tick', tick),
    onAppended: () => {},
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
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- both ends are replicas: this is what `push` sent
      stopServing = backplane.leaderLine.serve(epoch, (request) => publisher.push(request as PushBatch));
      publisher.lead(epoch);
    },
    onFollow: () => {
      stopServing();
      publisher.follow();
    },
  });

  async function push(batch: PushBatch): Promise<PushOutcome> {
    const refused = refusePush(new Set(batch.ticks.map(({ symbol }) => symbol)), assignment);
    if (refused !== null) return { ok: false, refusal: refused };
    const leader = election.leader();
    if (leader === null) return { ok: false, refusal: refusal('no_leader') };
    try {
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- both ends are replicas: this is what the leader's publisher gave
      return (await backplane.leaderLine.call(leader.epoch, batch)) as PushOutcome;
    } catch (error) {
      log.warn({ err: error }, 'a push did not reach the leader');
      return { ok: false, refusal: refusal(error instanceof NoLeader ? 'no_leader' : 'store_unavailable') };
    }
  }

  const fanout = createFanout({
    tickStore: backplane.tickStore,
    maxReplayTicks: config.store.maxReplayTicks,
    clock,
    log,
    onSnapshot: (quote, reason) => sessions.tellSnapshot(quote, reason),
    onRepair: (ticks) =>
      log.info(
        { ticks },
        ticks === null ? 'ticks are gone: a snapshot took their place' : 'a hole was mended',
      ),
  });
  const freshness = createFreshness({
    clock,
    silenceMs: silentBeats * config.lease.beatMs,
    sources: feeds,
    onChange: (feed) => {
      log.info({ state: feed.state, reason: feed.reason }, 'freshness changed');
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
    vitals: () => {
      const leader = election.leader();
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
        isDraining: leaving,
        notReady: [
          ...(leaving ? ['this replica is leaving'] : []),
          ...(link.at === 'down' ? [`the backplane is away: ${link.reason}`] : []),
        ],
      };
    },
  });
  const httpServer = createServer(app);
  const io = createSocketServer({ httpServer, ...config });
  io.adapter(backplane.adapter(fanout.mixin));
  fanout.attach(io.of('/'));
  const sessions = createSessions({
    io,
    node,
    clock,
    log,
    random,
    feed: () => freshness.feed(),
    isListed: (symbol) => listed.has(symbol),
    isStale: (symbol) => freshness.isStale(symbol),
    openStream: (symbol) => fanout.open(symbol),
    missedSince: (symbol, position) => fanout.missedSince(symbol, position),
    onRecovery: () => {},
    lastTickAt: (symbol) => fanout.lastTickAt(symbol),
  });

  backplane.onAnnouncement((announcement) => {
    if (freshness.announced(announcement)) fanout.expect(announcement.heads);
  });
  backplane.onState((state) => {
    freshness.linkChanged(state);
    if (state.at === 'down') return;
    election.start();
    fanout.resync();
  });

  closing.add(() => backplane.close());
  closing.add(() => fanout.close());
  closing.add(() => freshness.close());
  closing.add(() => sessions.close());
  closing.add(() => sessions.leave(leaveLimitMs));
  closing.add(() => election.close());

  return {
    io,
    start: () => {
      if (backplane.state().at === 'up') election.start();
    },
    listen: () =>
      new Promise((resolve, reject) => {
        httpServer.once('error', reject);
        httpServer.listen({ port: config.port, ...(config.host !== '' && { host: config.host }) }, () => {
          httpServer.off('error', reject);
          const address = httpServer.address();
          resolve(typeof address === 'object' && address !== null ? address.port : config.port);
        });
        closing.add(() => void httpServer.close());
      }),
    close: () => {
      leaving = true;
      return closing.close();
    },
  };
}
