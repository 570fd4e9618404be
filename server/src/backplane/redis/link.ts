/**
 * One hardened connection to Redis: connects in the background, never gives up, notices a Redis that hangs without
 * closing, and counts as up only when it is ready, prepared and answering. Knows nothing of what is sent over it.
 */
import { createClient, ErrorReply } from 'redis';
import { backoffMs } from '../../support/backoff.ts';
import type { Clock } from '../../support/clock.ts';
import type { Log } from '../../support/log.ts';
import { NotPrimary } from './safe-server.ts';

/** The part of the client that is used here: without its modules, whose types are large. */
export type RedisClient = Pick<
  ReturnType<typeof createClient>,
  'sendCommand' | 'subscribe' | 'pSubscribe' | 'unsubscribe' | 'pUnsubscribe'
>;

/** `closed` is for good. A reason is a text for people, without addresses or secrets. */
export type LinkState = { at: 'up' } | { at: 'down'; reason: string } | { at: 'closed' };

/** Where the link goes and what it may hold. */
export interface LinkOptions {
  /** `redis://` or `rediss://`, with user, password and database where there are any. */
  url: string;
  /** For log lines, all at `debug`: who holds the links tells of them together. */
  name: string;
  clock: Clock;
  log: Log;
  /** Commands that may wait at once. More are refused, and so is each one while the link is down. Without it they wait: for subscriptions. */
  maxQueued?: number;
  /** Runs on each new connection before the link counts as up, and again a second after it rejected; its text is the reason. */
  prepare?: (client: RedisClient) => Promise<void>;
  /** Fires after each change of `state()`. */
  onState: () => void;
  /** Fires with the time that each answered ping took, in milliseconds. */
  onRoundTrip?: (ms: number) => void;
  /** Fires when Redis answers and does not let us in or cannot be used, as with a wrong password; again with each try. */
  onRefused: (error: unknown) => void;
}

/** One connection and what is known of it. */
export interface Link {
  readonly client: RedisClient;
  /** Whether commands can be written, which is so before the link counts as up. */
  isConnected(): boolean;
  state(): LinkState;
  /** Ends a living connection and makes another one at once; what waited for an answer on it is rejected. */
  rebuild(): void;
  /** Waits at most half a second for what was sent, then ends the connection for good. */
  close(): Promise<void>;
}

const reconnect = { baseMs: 50, maxMs: 400 };
const connectTimeoutMs = 1_000;
/** Nothing in or out for this long ends the socket. Only we write, and we stop when pings go unanswered. */
const socketTimeoutMs = 3_000;
const pingEveryMs = 500;
const pingDeadlineMs = 1_500;
const prepareRetryMs = 1_000;
const closeDeadlineMs = 500;

/** Starts to connect; throws only where the url is no url. */
export function createLink(options: LinkOptions): Link {
  const { url, name, clock, log, maxQueued, prepare } = options;
  const { onState, onRoundTrip, onRefused } = options;
  let state: LinkState = { at: 'down', reason: 'no connection to Redis yet' };
  let lastError = '';
  /** Which connection this is, so that a late answer on an older one is told apart. */
  let connection = 0;
  let unansweredSince: number | null = null;
  let pinging = false;
  let isHung = false;
  let closing: Promise<void> | null = null;
  let cancelPrepare: (() => void) | null = null;

  const client = createClient({
    url,
    ...(maxQueued !== undefined && { disableOfflineQueue: true, commandsQueueMaxLength: maxQueued }),
    // The client's own timeout ends with the write, so that callers set their own; without it each command is cheaper.
    commandOptions: { timeout: 0 },
    maintNotifications: 'disabled',
    socket: {
      connectTimeout: connectTimeoutMs,
      socketTimeout: socketTimeoutMs,
      reconnectStrategy: (attempt: number) => backoffMs(attempt, reconnect),
    },
  });

  function enter(next: LinkState): void {
    if (state.at === 'closed') return;
    const same =
      state.at === 'down' && next.at === 'down' ? state.reason === next.reason : state.at === next.at;
    state = next;
    if (!same) onState();
  }

  function lost(error: unknown): void {
    connection++;
    unansweredSince = null;
    pinging = false;
    cancelPrepare?.();
    const text = String(error);
    if (text !== lastError && state.at !== 'closed') {
      log.debug({ err: error, link: name }, 'redis link lost');
      if (error instanceof ErrorReply) onRefused(error);
    }
    lastError = text;
    enter({ at: 'down', reason: 'no connection to Redis' });
  }

  async function ready(mine: number): Promise<void> {
    try {
      await prepare?.(client);
    } catch (error) {
      if (mine !== connection || state.at === 'closed') return;
      const reason = error instanceof Error ? error.message : String(error);
      log.debug({ err: error, link: name }, 'redis link not prepared');
      // Otherwise the connection went meanwhile, which is told apart.
      if (client.isReady) onRefused(error);
      enter({ at: 'down', reason });
      // On a new connection the name may lead to another server.
      cancelPrepare = clock.after(prepareRetryMs, () =>
        error instanceof NotPrimary ? rebuild() : void ready(mine),
      );
      return;
    }
    if (mine !== connection) return;
    lastError = '';
    log.debug({ link: name }, 'redis link up');
    enter({ at: 'up' });
  }

  async function ping(mine: number): Promise<void> {
    pinging = true;
    const sentAt = clock.monotonic();
    unansweredSince ??= sentAt;
    try {
      await client.sendCommand(['PING']);
    } catch {
      // The queue is full or the socket went: the first leaves `unansweredSince` standing, the second comes to lost().
      if (mine === connection) pinging = false;
      return;
    }
    if (mine !== connection) return;
    pinging = false;
    unansweredSince = null;
    onRoundTrip?.(clock.monotonic() - sentAt);
    if (isHung) {
      isHung = false;
      enter({ at: 'up' });
    }
  }

  let watchedAt = clock.monotonic();
  const stopWatch = clock.every(pingEveryMs, () => {
    const sinceLast = clock.monotonic() - watchedAt;
    watchedAt += sinceLast;
    // We slept ourselves, and the answer may be lying unread: judge at the next turn.
    if (!client.isReady || sinceLast > 2 * pingEveryMs) return;
    if (!pinging) void ping(connection);
    if (unansweredSince === null || clock.monotonic() - unansweredSince < pingDeadlineMs) return;
    isHung ||= state.at === 'up';
    if (isHung) enter({ at: 'down', reason: 'Redis does not answer' });
  });

  async function end(): Promise<void> {
    const answering = state.at === 'up';
    state = { at: 'closed' };
    stopWatch();
    cancelPrepare?.();
    if (answering) await drained();
    client.destroy();
  }

  function drained(): Promise<void> {
    return new Promise((resolve) => {
      const cancel = clock.after(closeDeadlineMs, resolve);
      void client
        .close()
        .then(resolve, () => resolve())
        .finally(cancel);
    });
  }

  client.on('error', (error) => {
    if (!client.isReady) lost(error);
    else log.debug({ err: error, link: name }, 'redis link error');
  });
  client.on('ready', () => {
    isHung = false;
    void ready(++connection);
  });
  // A connect that was under way when the link closed still completes.
  client.on('connect', () => {
    if (state.at === 'closed') client.destroy();
  });

  function connect(): void {
    client.connect().catch((error: unknown) => {
      // The strategy never gives up, so this comes from close() alone.
      if (state.at !== 'closed') lost(error);
    });
  }

  function rebuild(): void {
    // Without a living connection the next one is being made already.
    if (state.at === 'closed' || !client.isReady) return;
    client.destroy();
    lost(new Error('the connection is built anew'));
    // It keeps its subscriptions, and asks for them before it says that it is ready.
    connect();
  }

  connect();
  return {
    client,
    isConnected: () => client.isReady,
    state: () => state,
    rebuild,
    close: () => (closing ??= end()),
  };
}
