/**
 * The bridge to a backend: every session's line to it, over one sender. Bounded in what waits, whatever clients do and however
 * long the backend is away. Knows no sockets. Keeps SPEC.md [BR1], [BR4], [BR6] to [BR9].
 */
import type { Clock } from '../support/clock.ts';
import type { Log } from '../support/log.ts';
import { createBackendLog } from './backend-log.ts';
import { createConnectDebts } from './connect-debts.ts';
import { createLossNotices } from './loss-notices.ts';
import type { Outcome } from './outcome.ts';
import type { BackendRequest, BreakerState } from './sender.ts';
import { SessionLine, type LineStage, type SessionOfLine } from './session-line.ts';

interface BridgeOptions {
  /** Where requests go to, without a user or a password in it. */
  url: string;
  /** What they are signed with. */
  secret: string;
  /** For an event to be answered. */
  timeoutMs: number;
  /** Requests on their way at once. */
  maxConcurrent: number;
  node: string;
  /** This replica's instance now. */
  instance: () => string;
  clock: Clock;
  log: Log;
  random: () => number;
  makeId: () => string;
  /** Fires once for each event and notice. */
  onOutcome: (outcome: Outcome, ms: number) => void;
  /** Fires when another number of events and notices waits or is on its way. */
  onWaiting: (count: number) => void;
  onBreaker: (state: BreakerState) => void;
  /** Fires while it closes, when the backend was told of the end of every session. */
  onAllTold: () => void;
}

/** Lines of sessions to one backend. */
export interface Bridge {
  /** A line for that session; the backend is told that it connected. */
  open(of: SessionOfLine): SessionLine;
  /**
   * Tells the backend that a replica died, with whatever was connected to that instance of it. Resolves with whether the backend
   * knows, once it does or this bridge is closed; never rejects.
   */
  nodeLost(lost: { node: string; instance: string }): Promise<boolean>;
  /** This replica has another instance, and the backend takes the sessions of the one before for gone: tells of them again. */
  beginAgain(): void;
  /** Resolves when every line that was ended has told so, or after a second; ends what is then on its way. */
  close(): Promise<void>;
}

/** Events and notices that wait or are on their way: a connect of every client of a large replica is among them. */
const maxWaiting = 10_000;
const maxWaitingBytes = 16_777_216;
/** Places that notices leave free, so that clients who come and go never cost an event. */
const eventPlaces = 1_000;
const eventBytes = 4_194_304;
/** How long a replica that leaves has to tell the last of its sessions' ends, in milliseconds. */
const lastNoticesMs = 1_000;
/** The event of the notice that a replica died. */
const lossEvent = 'node_gone';
/** A connection that takes longer will not come about in time, in milliseconds. */
const maxConnectMs = 2_000;

/** What a request says beside who sends it and when. */
interface Letter {
  id: string;
  event: string;
  data: unknown;
  user: string | null;
  session: string | null;
}

/** Loads what it needs at once, and asks the backend nothing before a line is opened. */
export function createBridge(options: BridgeOptions): Bridge {
  const { url, timeoutMs, node, clock, log, makeId, onOutcome, onWaiting, onAllTold } = options;
  const loaded = load();
  let waiting = 0;
  let waitingBytes = 0;
  const lines = new Set<SessionLine>();
  /** Ends of sessions that the backend does not know of. */
  let untold = 0;
  let onQuiet: (() => void) | null = null;

  /** A replica without a backend does without the libraries of these: 7 MB, and a third of the time that it takes to load. */
  async function load() {
    const [{ createPost }, { createSender }] = await Promise.all([
      import('./post.ts'),
      import('./sender.ts'),
    ]);
    const connectMs = Math.min(maxConnectMs, Math.ceil(timeoutMs / 2));
    const poster = createPost({ ...options, connectMs });
    const sender = createSender({
      ...options,
      post: poster.post,
      log: createBackendLog({ url, log, clock }),
    });
    return { poster, sender };
  }

  function bodyOf(letter: Letter): string {
    return JSON.stringify({ ...letter, node, instance: options.instance(), at: clock.now() });
  }

  const connectDebts = createConnectDebts({ ...options, maxAtOnce: options.maxConcurrent });
  const lossNotices = createLossNotices({
    ...options,
    send: async (request) => (await loaded).sender.send(request),
    onError: (error) => log.error({ err: error }, 'the backend was not told that a replica is lost'),
  });
  const stage: LineStage = {
    enter: (event, data, { session, user }) => {
      const id = makeId();
      const body = bodyOf({ id, event, data, user, session });
      const isNotice = event === 'connect' || event === 'disconnect';
      const [places, bytes] = isNotice ? [eventPlaces, eventBytes] : [0, 0];
      if (waiting >= maxWaiting - places || waitingBytes + body.length > maxWaitingBytes - bytes) {
        onOutcome('full', 0);
        return null;
      }
      waitingBytes += body.length;
      onWaiting(++waiting);
      return { id, event, session, body, isNotice };
    },
    leave: ({ body }: BackendRequest) => {
      waitingBytes -= body.length;
      onWaiting(--waiting);
    },
    send: async (request) => (await loaded).sender.send(request),
    hurry: (request) => void loaded.then(({ sender }) => sender.hurry(request)),
    onUntold: () => untold++,
    onEnded: (line) => {
      lines.delete(line);
      if (lines.size === 0) onQuiet?.();
    },
    onError: (error) => log.error({ err: error }, 'an event was not sent to the backend'),
  };

  async function close(): Promise<void> {
    connectDebts.close();
    if (lines.size > 0)
      await new Promise<void>((resolve) => {
        const cancel = clock.after(lastNoticesMs, resolve);
        onQuiet = () => {
          cancel();
          resolve();
        };
      });
    if (lines.size === 0 && untold === 0) onAllTold();
    lossNotices.close();
    const { sender, poster } = await loaded;
    sender.close();
    await poster.close();
  }

  let closed: Promise<void> | null = null;
  return {
    open: (of) => {
      const line = new SessionLine(stage, of);
      lines.add(line);
      return line;
    },
    nodeLost: (lost) => {
      const [id, event, session] = [`${lossEvent}:${lost.instance}`, lossEvent, null];
      const body = bodyOf({ id, event, data: lost, user: null, session });
      return lossNotices.tell({ id, event, session, body, isNotice: true });
    },
    beginAgain: () => {
      untold = 0;
      connectDebts.owe(lines);
    },
    close: () => (closed ??= close()),
  };
}
