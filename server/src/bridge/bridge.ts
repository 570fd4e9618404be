/**
 * The bridge to a backend: every session's line to it, over one sender. Bounded in what waits, whatever clients do and however
 * long the backend is away. Knows no sockets. Keeps SPEC.md [BR1], [BR4], [BR6] to [BR8].
 */
import type { Clock } from '../support/clock.ts';
import type { Log } from '../support/log.ts';
import { createBackendLog } from './backend-log.ts';
import type { Outcome } from './outcome.ts';
import type { BackendRequest, BreakerState } from './sender.ts';
import { SessionLine, type LineStage, type SessionOfLine } from './session-line.ts';

export interface BridgeOptions {
  /** Where requests go to, without a user or a password in it. */
  url: string;
  /** What they are signed with. */
  secret: string;
  /** For an event to be answered. */
  timeoutMs: number;
  /** Requests on their way at once. */
  maxConcurrent: number;
  node: string;
  clock: Clock;
  log: Log;
  random: () => number;
  makeId: () => string;
  /** Fires once for each event and notice. */
  onOutcome: (outcome: Outcome, ms: number) => void;
  /** Fires when another number of events and notices waits or is on its way. */
  onWaiting: (count: number) => void;
  onBreaker: (state: BreakerState) => void;
}

/** Lines of sessions to one backend. */
export interface Bridge {
  /** A line for that session; the backend is told that it connected. */
  open(of: SessionOfLine): SessionLine;
  /** Resolves when every line that was ended has told so, or after a second; ends what is then on its way. */
  close(): Promise<void>;
}

/** Events and notices that wait or are on their way: a connect of every client of a large replica is among them. */
const maxWaiting = 10_000;
const maxWaitingBytes = 16_777_216;
/** How long a replica that leaves has to tell the last of its sessions' ends, in milliseconds. */
const lastNoticesMs = 1_000;
/** A connection that takes longer will not come about in time, in milliseconds. */
const maxConnectMs = 2_000;

/** Loads what it needs at once, and asks the backend nothing before a line is opened. */
export function createBridge(options: BridgeOptions): Bridge {
  const { url, timeoutMs, node, clock, log, makeId, onOutcome, onWaiting } = options;
  const loaded = load();
  let waiting = 0;
  let waitingBytes = 0;
  let lines = 0;
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

  const stage: LineStage = {
    enter: (event, data, { session, user }) => {
      const id = makeId();
      const body = JSON.stringify({ id, event, data, user, session, node, at: clock.now() });
      if (waiting >= maxWaiting || waitingBytes + body.length > maxWaitingBytes) {
        onOutcome('full', 0);
        return null;
      }
      waitingBytes += body.length;
      onWaiting(++waiting);
      return { id, event, session, body, isNotice: event === 'connect' || event === 'disconnect' };
    },
    leave: ({ body }: BackendRequest) => {
      waitingBytes -= body.length;
      onWaiting(--waiting);
    },
    send: async (request) => (await loaded).sender.send(request),
    onEnded: () => {
      lines--;
      if (lines === 0) onQuiet?.();
    },
    onError: (error) => log.error({ err: error }, 'an event was not sent to the backend'),
  };

  async function close(): Promise<void> {
    if (lines > 0)
      await new Promise<void>((resolve) => {
        const cancel = clock.after(lastNoticesMs, resolve);
        onQuiet = () => {
          cancel();
          resolve();
        };
      });
    const { sender, poster } = await loaded;
    sender.close();
    await poster.close();
  }

  let closed: Promise<void> | null = null;
  return {
    open: (of) => {
      lines++;
      return new SessionLine(stage, of);
    },
    close: () => (closed ??= close()),
  };
}
