/**
 * One virtual user on one socket: asks, waits for each answer with a deadline, watches what comes in, and fails for good
 * at the first thing that a person in front of the page would call broken. Knows no Artillery.
 */
import type { Socket } from 'socket.io-client';
import {
  limits,
  type ClientEvents,
  type FeedState,
  type Position,
  type Quote,
  type ServerEvents,
  type Snapshot,
  type SubscribeAck,
  type SubscribeRequest,
  type UnsubscribeAck,
} from '../server/protocol/index.ts';
import { createSequenceCheck, type SequenceCounts } from './sequence-check.ts';

/** A stock client's socket with the events of the wire, opened by Artillery or by a test. */
export type UserSocket = Socket<ServerEvents, ClientEvents>;

/** Takes one measurement in milliseconds. */
export type Measure = (name: string, ms: number) => void;

/** The user cannot go on; the message is the reason, in few words and without figures, so that reasons can be counted. */
export class UserFailed extends Error {
  override name = 'UserFailed';
}

/**
 * One virtual user. With its first failure, whatever waits rejects with a `UserFailed`, and so does each later call
 * that waits for the server.
 */
export interface User {
  readonly counts: Readonly<SequenceCounts>;
  readonly symbols: ReadonlySet<string>;
  feed(): Promise<FeedState>;
  /** Resolves with the quotes of the snapshot. With `since`, continues from where this user was. */
  subscribe(symbols: readonly string[], options?: { since?: boolean; measured?: boolean }): Promise<Quote[]>;
  unsubscribe(symbols: readonly string[]): Promise<void>;
  /** Resolves after that long, during which anything wrong fails the user. */
  watch(ms: number): Promise<void>;
  leave(): void;
  comeBack(): Promise<void>;
  /** Fails the user whose symbols stand still while their streams have moved on, or who saw no tick at all. */
  confirm(): Promise<void>;
  /** Ends the watch without closing the socket. */
  end(): void;
}

/** Every answer must come within this many milliseconds. */
const answerMs = 5_000;
/** The first tick after a subscribe must come within this many milliseconds. */
const firstTickMs = 10_000;
const guardMs = 500;

/** The socket must have connected in this very turn, or its first events are missed. `measure` takes tick_age, subscribe_ack, snapshot, first_tick and back. */
export function createUser({ socket, measure }: { socket: UserSocket; measure: Measure }): User {
  const check = createSequenceCheck();
  const symbols = new Set<string>();
  const subscribedAt = new Map<string, number>();
  const tickedAt = new Map<string, number>();
  let present = true;
  let heardAt = performance.now();
  let silentChecks = 0;
  /** When the subscribe was sent whose first tick is awaited. */
  let awaitingTickSince: number | null = null;
  let onSubscribeSnapshot: ((snapshot: Snapshot) => void) | null = null;

  let rejectFailed: (failure: UserFailed) => void;
  const failed = new Promise<never>((_resolve, reject) => (rejectFailed = reject));
  // Whoever waits sees it; at the moment nobody may wait.
  failed.catch(() => {});

  function fail(reason: string): UserFailed {
    const failure = new UserFailed(reason);
    rejectFailed(failure);
    return failure;
  }

  const firstFeed = new Promise<FeedState>((resolve) => void socket.once('feed', resolve));
  socket.on('heartbeat', heard);
  socket.on('tick', (tick) => {
    const now = performance.now();
    heard();
    check.tick(tick);
    measure('tick_age', Date.now() - tick.ts);
    tickedAt.set(tick.symbol, now);
    if (awaitingTickSince !== null) {
      measure('first_tick', now - awaitingTickSince);
      awaitingTickSince = null;
    }
  });
  socket.on('snapshot', (snapshot) => {
    heard();
    check.snapshot(snapshot);
    if (snapshot.reason === 'subscribe') onSubscribeSnapshot?.(snapshot);
  });
  socket.on('refused', ({ name }) => void fail(`refused: ${name}`));
  socket.on('disconnect', (reason) => {
    if (present) fail(`ended early: ${reason}`);
  });
  // The engine's own listeners of these end the scenario a second time, which ends the whole run.
  socket.off('connect_error');
  socket.on('connect_error', ({ message }) => void fail(`connect error: ${message}`));

  function heard(): void {
    heardAt = performance.now();
    silentChecks = 0;
  }

  const guard = setInterval(() => {
    if (!present) return;
    const now = performance.now();
    // Twice in a row: after a stall of this very process the timer comes before what waits in the sockets.
    if (now - heardAt > limits.maxSilenceMs && ++silentChecks >= 2) fail('silent');
    if (awaitingTickSince !== null && now - awaitingTickSince > firstTickMs) fail('no tick');
  }, guardMs);

  async function within<T>(reason: string, answer: Promise<T>, ms = answerMs): Promise<T> {
    const timer = setTimeout(() => fail(reason), ms);
    try {
      return await Promise.race([failed, answer]);
    } finally {
      clearTimeout(timer);
    }
  }

  async function subscribe(
    wanted: readonly string[],
    { since = false, measured = true }: { since?: boolean; measured?: boolean } = {},
  ): Promise<Quote[]> {
    const request: SubscribeRequest = { symbols: [...wanted] };
    if (since) request.since = Object.fromEntries(wanted.flatMap(sinceOf));
    const sentAt = performance.now();
    const note: Measure = measured ? measure : () => {};
    const snapshot = new Promise<Snapshot>((resolve) => {
      onSubscribeSnapshot = (arrived) => {
        note('snapshot', performance.now() - sentAt);
        resolve(arrived);
      };
    });
    if (measured) awaitingTickSince = sentAt;
    const ack = await within(
      'no subscribe ack',
      new Promise<SubscribeAck>((resolve) => {
        socket.emit('subscribe', since ? request : request.symbols, (answer) => {
          note('subscribe_ack', performance.now() - sentAt);
          // Here and not after an await: the ticks that follow may already be in the same read.
          if (answer.ok) check.subscribed(answer.results);
          resolve(answer);
        });
      }),
    );
    if (!ack.ok) throw fail(`subscribe refused: ${ack.name}`);
    for (const symbol of wanted) {
      const result = ack.results[symbol];
      if (result?.ok !== true) throw fail(`subscribe refused: code ${result?.code ?? 'missing'}`);
      symbols.add(symbol);
      subscribedAt.set(symbol, sentAt);
    }
    if (wanted.every((symbol) => isRecovered(ack, symbol))) return [];
    return (await within('no snapshot', snapshot)).quotes;
  }

  function sinceOf(symbol: string): [string, Position][] {
    const position = check.position(symbol);
    return position === null ? [] : [[symbol, position]];
  }

  return {
    counts: check.counts,
    symbols,
    feed: () => within('no feed state', firstFeed),
    subscribe,
    unsubscribe: async (unwanted) => {
      const ack = await within(
        'no unsubscribe ack',
        new Promise<UnsubscribeAck>((resolve) => {
          socket.emit('unsubscribe', [...unwanted], (answer) => {
            if (answer.ok) check.unsubscribed(unwanted);
            resolve(answer);
          });
        }),
      );
      if (!ack.ok) throw fail(`unsubscribe refused: ${ack.name}`);
      for (const symbol of unwanted) symbols.delete(symbol);
      if (symbols.size === 0) awaitingTickSince = null;
    },
    watch: async (ms) => {
      let timer: NodeJS.Timeout | undefined;
      const over = new Promise<void>((resolve) => (timer = setTimeout(resolve, ms)));
      try {
        await Promise.race([failed, over]);
      } finally {
        clearTimeout(timer);
      }
    },
    leave: () => {
      present = false;
      awaitingTickSince = null;
      socket.disconnect();
    },
    comeBack: async () => {
      const startedAt = performance.now();
      const connected = new Promise<void>((resolve) => void socket.once('connect', resolve));
      socket.connect();
      await within('not back', connected);
      measure('back', performance.now() - startedAt);
      present = true;
      heard();
    },
    confirm: async () => {
      if (check.counts.ticks === 0) throw fail('no tick');
      const now = performance.now();
      const still = [...symbols].flatMap((symbol) => {
        const ticked = tickedAt.get(symbol);
        const since = Math.max(ticked ?? 0, subscribedAt.get(symbol) ?? 0);
        return now - since > limits.maxSilenceMs
          ? [{ symbol, ticked, at: check.position(symbol)?.join() }]
          : [];
      });
      if (still.length === 0) return;
      await subscribe(
        still.map(({ symbol }) => symbol),
        { measured: false },
      );
      const lost = still.some(
        ({ symbol, ticked, at }) => tickedAt.get(symbol) === ticked && check.position(symbol)?.join() !== at,
      );
      if (lost) throw fail('a symbol stands still');
    },
    end: () => {
      present = false;
      clearInterval(guard);
    },
  };
}

function isRecovered(ack: Extract<SubscribeAck, { ok: true }>, symbol: string): boolean {
  const result = ack.results[symbol];
  return result?.ok === true && result.recovered;
}
