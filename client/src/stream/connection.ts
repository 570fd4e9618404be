/**
 * Keeps one connection alive for ever: opens a link, leaves it when it falls silent, waits with full jitter, opens the
 * next one, with another cid where the old one seems to lead nowhere. Knows no symbols and no ticks.
 */
import { limits, type Refusal } from '../../../server/protocol/index.ts';
import type { Clock } from './clock.ts';
import type { Link, OpenLink } from './link.ts';
import { retryCeilings, retryDelayMs } from './retry.ts';
import { isHello, isRefusal, isShutdown } from './wire.ts';

/** Why the last connection or the last try at one ended. */
export type Ending = 'lost' | 'silence' | 'shutdown' | 'refused';

/** Where a stream is in keeping its connection. Ticks come while it is `live` alone; `closed` is the end. */
export type ConnectionState =
  /** `tries` counts from 1 since a connection last held. */
  | { at: 'connecting'; tries: number }
  | { at: 'live'; node: string; session: string }
  /** `retryAt` is epoch milliseconds; `refusal` is there where it was refused for now. */
  | { at: 'waiting'; tries: number; retryAt: number; because: Ending; refusal?: Refusal }
  /** For good, until `retryNow`. */
  | { at: 'refused'; refusal: Refusal }
  | { at: 'closed' };

interface ConnectionOptions {
  openLink: OpenLink;
  clock: Clock;
  random: () => number;
  /** The first cid. */
  cid: string;
  makeCid: () => string;
  /** Fires at each change of `state()`. */
  onState: (state: ConnectionState) => void;
  /** Fires when another cid is taken, before it is used. */
  onCid: (cid: string) => void;
  /** Every event of the current link, in order; `hello` after the state became live. */
  onEvent: (name: string, payload: unknown) => void;
}

/** One connection for ever: its links come and go, and end for good by `close`, or by a refusal until `retryNow`. */
export interface Connection {
  state(): ConnectionState;
  /** Sends while live, else does nothing. `onAnswer` is never called once this link is left. */
  send(name: string, payload: unknown, onAnswer?: (answer: unknown) => void): void;
  /** Ends a wait or a refusal and tries at once. */
  retryNow(): void;
  close(): void;
}

/** A connection that held this long, two heartbeats, forgets the failures before it: replicas that end in turn are no flapping one. */
const steadyMs = 2 * limits.heartbeatMs;
/** This many endings in a row, and the cid changes with each further one. */
const maxTriesPerCid = 2;
/** Who was closed when a leaving server said it would be, comes back within this long: it is the server that spreads its clients. */
const announcedJitterMs = 250;
/** A timer that comes later than this was held back with the whole page; what arrived meanwhile is still to be read. */
const maxTimerDelayMs = 1_000;

function nothing(): void {
  // Stands where no timer is to be cancelled.
}

/** Opens the first link at once. No callback fires before this returned. */
export function createConnection(options: ConnectionOptions): Connection {
  const { openLink, clock, random, makeCid, onState, onCid, onEvent } = options;
  let cid = options.cid;
  let link: Link | null = null;
  /** Endings since a connection last held. */
  let tries = 0;
  let failingSince = 0;
  let liveAt: number | null = null;
  let heardAt = 0;
  /** When the server asked us to come back, on the monotonic clock. */
  let leaveAt: number | null = null;
  let cancelTimer = nothing;
  let cancelLeave = nothing;
  let state: ConnectionState = { at: 'connecting', tries: 1 };
  open();

  function enter(next: ConnectionState): void {
    state = next;
    onState(next);
  }

  function open(): void {
    liveAt = null;
    leaveAt = null;
    const isCurrent = (): boolean => link === opened;
    const opened = openLink(cid, {
      onOpen: () => isCurrent() && heard(),
      onEvent: (name, payload) => isCurrent() && receive(name, payload),
      onClose: (reason) =>
        isCurrent() && (isRefusal(reason) ? refused(reason) : leave(leaveAt === null ? 'lost' : 'shutdown')),
    });
    link = opened;
    heard();
    watchSilence();
  }

  function heard(): void {
    heardAt = clock.monotonic();
  }

  function watchSilence(): void {
    const dueAt = heardAt + limits.maxSilenceMs;
    cancelTimer = clock.after(dueAt - clock.monotonic(), () => {
      const now = clock.monotonic();
      if (now - dueAt > maxTimerDelayMs) heardAt = now - limits.maxSilenceMs + 2 * limits.heartbeatMs;
      if (now - heardAt >= limits.maxSilenceMs) leave('silence');
      else watchSilence();
    });
  }

  function receive(name: string, payload: unknown): void {
    heard();
    if (name === 'hello' && isHello(payload)) {
      liveAt = clock.monotonic();
      enter({ at: 'live', node: payload.node, session: payload.session });
    } else if (name === 'shutdown' && isShutdown(payload)) {
      const inMs = Math.min(Math.max(payload.reconnectInMs, 0), retryCeilings.lastMs);
      leaveAt = clock.monotonic() + inMs;
      cancelLeave();
      // Until then ticks still come: it is the server that spreads its clients over the time that it has left.
      cancelLeave = clock.after(inMs, () => leave('shutdown'));
    } else if (name === 'refused' && isRefusal(payload)) {
      refused(payload);
      return;
    }
    onEvent(name, payload);
  }

  function dropLink(): void {
    const dropped = link;
    link = null;
    cancelTimer();
    cancelLeave();
    dropped?.close();
  }

  function refused(refusal: Refusal): void {
    if (refusal.retry !== 'never') return leave('refused', refusal);
    dropLink();
    enter({ at: 'refused', refusal });
  }

  function leave(because: Ending, refusal?: Refusal): void {
    dropLink();
    const now = clock.monotonic();
    // An end that was announced is no failure of the way there.
    if (leaveAt !== null || (liveAt !== null && now - liveAt >= steadyMs)) tries = 0;
    if (tries === 0) failingSince = now;
    const retry = refusal?.retry === 'later' ? 'later' : 'now';
    const delayMs =
      leaveAt === null
        ? retryDelayMs({ tries, failingMs: now - failingSince, retry, random })
        : Math.min(Math.max(0, leaveAt - now), random() * announcedJitterMs);
    tries += 1;
    if (because === 'silence' || (because === 'lost' && tries >= maxTriesPerCid)) {
      cid = makeCid();
      onCid(cid);
    }
    cancelTimer = clock.after(delayMs, again);
    const retryAt = clock.now() + delayMs;
    enter({ at: 'waiting', tries, retryAt, because, ...(refusal !== undefined && { refusal }) });
  }

  function again(): void {
    open();
    enter({ at: 'connecting', tries: tries + 1 });
  }

  return {
    state: () => state,
    send: (name, payload, onAnswer) => {
      if (state.at !== 'live') return;
      const sender = link;
      link?.send(name, payload, onAnswer && ((answer) => link === sender && onAnswer(answer)));
    },
    retryNow: () => {
      if (state.at !== 'waiting' && state.at !== 'refused') return;
      cancelTimer();
      again();
    },
    close: () => {
      if (state.at === 'closed') return;
      dropLink();
      enter({ at: 'closed' });
    },
  };
}
