/**
 * One connection: greets it, keeps the set of its symbols, and answers each call exactly once. Subscribing ends in one
 * synchronous step (answer, snapshot, join), so that no tick is missing and none comes twice.
 * Knows no store and no other session. Keeps SPEC.md [SB1] to [SB6], [LM4] to [LM6].
 */
import type { Socket } from 'socket.io';
import {
  refusal,
  tickRoom,
  type FeedState,
  type Hello,
  type Position,
  type Quote,
  type Refusal,
  type ServerEvents,
  type SubscribeResult,
  type Tick,
} from '../../protocol/index.ts';
import { missedAsOne, missedUpToHead, replay, type ReplayOptions } from './replay.ts';
import { caughtUp } from './connection.ts';
import { parseSubscribe, parseUnsubscribe, type SubscribeCall, type Wanted } from './subscribe-request.ts';

/** One symbol's stream on this replica, as the fan-out stage keeps it. */
export interface SymbolStream {
  /** Resolves when `head()` is known; rejects when it cannot be known now. */
  ready(): Promise<void>;
  /** The last quote let pass; null for a symbol without a price, `undefined` while unknown. */
  head(): Quote | null | undefined;
  gen(): string | null;
  /** The ticks let pass after that seq of the current generation, or null where they are not all at hand. */
  passedAfter(seq: number): Tick[] | null;
}

export type ClientSocket = Socket<Record<string, (...args: unknown[]) => void>, ServerEvents>;

export interface SessionOptions {
  socket: ClientSocket;
  hello: Hello;
  feed: FeedState;
  /** The most symbols that it may have. */
  maxSubscriptions: number;
  /** Takes what a call costs; false where it is one too many. */
  mayCall: (symbols: number) => boolean;
  isListed: (symbol: string) => boolean;
  isStale: (symbol: string) => boolean;
  openStream: (symbol: string) => SymbolStream;
  /** The ticks that one who was at this position has missed, or null where they are not all to be had. */
  missedSince: (symbol: string, position: Position) => Promise<Tick[] | null>;
  /** What is on its way to this client goes out, and what waits for it of these symbols is dropped: a snapshot follows. */
  beforeSnapshot: (symbols: Iterable<string>) => void;
  /** Writes ticks to this client in this turn; resolves when it may be given more. */
  writeTicks: (ticks: readonly Tick[]) => Promise<void>;
  /** Whether one who was at this position may go on from there; then the head is known. */
  reaches: (symbol: string, position: Position) => Promise<boolean>;
  /**
   * Asks for this client, which was told the symbol's head in this turn and is not in the room of that rate: true where it may
   * join now, else `join` is called when it may.
   */
  enterRate: (symbol: string, everyMs: number, join: () => void) => boolean;
  /** Fires for each symbol that a client asked to go on with. */
  onRecovery: (isRecovered: boolean, replayed: number) => void;
  /** Fires for each call that is refused, with its code's name. */
  onRefused: (name: string) => void;
  /** Fires for an error of ours while a call was answered; the client was told `internal`. */
  onError: (error: unknown) => void;
}

export interface Session {
  readonly socket: ClientSocket;
}

type Ack = (answer: object) => void;

/** Calls that wait for an earlier one of the same session: a page that asks for its symbols one by one has some hundreds. */
const maxWaitingCalls = 600;
/** A call is answered when of earlier answers no more bytes than these wait to be read. */
const maxUnreadAnswerBytes = 65_536;

export function createSession(options: SessionOptions): Session {
  const { socket, hello, feed, isListed, isStale, openStream, missedSince, maxSubscriptions, mayCall } =
    options;
  const { reaches, enterRate, beforeSnapshot, writeTicks } = options;
  const { onRecovery, onRefused, onError } = options;
  const rates = new Map<string, number>();
  let lastCall: Promise<void> = Promise.resolve();
  let waitingCalls = 0;

  function refuse(ack: Ack | null, why: Refusal): void {
    onRefused(why.name);
    ack?.({ ok: false, symbols: [...rates.keys()], ...why });
  }

  /** Calls of one session are answered in the order in which they came, and no faster than the answers are read. */
  function inTurn(ack: Ack | null, call: () => void | Promise<void>, symbolCount = 0): void {
    if (waitingCalls >= maxWaitingCalls || !mayCall(symbolCount)) {
      onRefused('too_many_calls');
      // Without the set: who calls too often is not to be sent it a thousand times.
      ack?.({ ok: false, ...refusal('too_many_calls') });
      return;
    }
    waitingCalls++;
    lastCall = lastCall
      .then(() => caughtUp(socket.conn, maxUnreadAnswerBytes))
      .then(call)
      .catch((error: unknown) => {
        onError(error);
        refuse(ack, refusal('internal'));
      });
    void lastCall.finally(() => waitingCalls--);
  }

  async function subscribe(call: SubscribeCall, ack: Ack | null): Promise<void> {
    const { wanted, everyMs, since } = call;
    const tooMany = firstBeyondLimit(wanted);
    if (tooMany !== null) {
      refuse(
        ack,
        refusal(
          'too_many_subscriptions',
          `at most ${maxSubscriptions} symbols on one connection: ${tooMany} is one more`,
        ),
      );
      return;
    }
    const missed = await prepare(call);
    if (!socket.connected) return;

    // From here to the join nothing may wait: a tick that passes in between would be lost, or come twice.
    beforeSnapshot(wanted.flatMap(({ symbol }) => symbol ?? []));
    const results: Record<string, SubscribeResult> = Object.create(null);
    const quotes: Quote[] = [];
    const joining: string[] = [];
    const merged: Tick[] = [];
    const replays: ReplayOptions[] = [];
    for (const { key, symbol } of wanted) {
      if (symbol === null) results[key] = fail('bad_symbol');
      else if (!isListed(symbol)) results[key] = fail('unknown_symbol');
      else {
        const stream = openStream(symbol);
        const head = stream.head();
        if (head === undefined) results[key] = fail('store_unavailable');
        else {
          const position = since.get(symbol);
          const ticks =
            position === undefined
              ? null
              : everyMs === 0
                ? missedUpToHead(missed.get(symbol) ?? null, position, stream)
                : missedAsOne(position, stream);
          if (position !== undefined) onRecovery(ticks !== null, ticks?.length ?? 0);
          // Still a member, it would get what is new before what is old.
          leaveRoom(symbol);
          if (position !== undefined && ticks !== null && everyMs === 0) {
            replays.push({
              socket,
              symbol,
              position,
              ticks,
              stream,
              write: writeTicks,
              sendSnapshot: (reason) => sendSnapshot(symbol, reason),
            });
          } else {
            if (ticks !== null) merged.push(...ticks);
            else if (head !== null) quotes.push(marked(head));
            joining.push(symbol);
          }
          results[key] = {
            ok: true,
            gen: stream.gen() ?? '',
            seq: head?.seq ?? 0,
            everyMs,
            recovered: ticks !== null,
            replayed: ticks?.length ?? 0,
          };
          rates.set(symbol, everyMs);
        }
      }
    }
    ack?.({ ok: true, symbols: [...rates.keys()], results });
    if (joining.length === 0 && replays.length === 0) return;
    socket.emit('snapshot', { quotes, reason: 'subscribe' });
    const taken = writeTicks(merged);
    joinRooms(joining, everyMs);
    await taken;
    for (const one of replays) await replay(one);
  }

  /** The first new symbol that this session may not have too, or null. */
  function firstBeyondLimit(wanted: readonly Wanted[]): string | null {
    let left = maxSubscriptions - rates.size;
    for (const { symbol } of wanted) {
      if (symbol === null || rates.has(symbol) || !isListed(symbol)) continue;
      if (left === 0) return symbol;
      left--;
    }
    return null;
  }

  /** Waits for every head, and gives what was missed of each symbol that goes on. What fails here is told by its head. */
  async function prepare({ wanted, everyMs, since }: SubscribeCall): Promise<Map<string, Tick[] | null>> {
    const missed = new Map<string, Tick[] | null>();
    const listed = wanted.flatMap(({ symbol }) => (symbol !== null && isListed(symbol) ? [symbol] : []));
    await Promise.allSettled(
      listed.map(async (symbol) => {
        const position = since.get(symbol);
        if (position === undefined) await openStream(symbol).ready();
        else if (everyMs === 0) missed.set(symbol, await missedSince(symbol, position));
        else await reaches(symbol, position);
      }),
    );
    return missed;
  }

  function joinRooms(symbols: readonly string[], everyMs: number): void {
    const join = (symbol: string): void => {
      if (socket.connected && rates.get(symbol) === everyMs) void socket.join(tickRoom(symbol, everyMs));
    };
    const free = symbols.filter((symbol) => enterRate(symbol, everyMs, () => join(symbol)));
    void socket.join(free.map((symbol) => tickRoom(symbol, everyMs)));
  }

  function leaveRoom(symbol: string): void {
    const everyMs = rates.get(symbol);
    if (everyMs !== undefined) void socket.leave(tickRoom(symbol, everyMs));
  }

  function marked(quote: Quote): Quote {
    return { ...quote, stale: isStale(quote.symbol) };
  }

  function sendSnapshot(symbol: string, reason: 'gap' | 'generation'): void {
    const head = openStream(symbol).head();
    if (head !== null && head !== undefined) socket.emit('snapshot', { quotes: [marked(head)], reason });
  }

  function fail(name: 'bad_symbol' | 'unknown_symbol' | 'store_unavailable'): SubscribeResult {
    onRefused(name);
    return { ok: false, ...refusal(name) };
  }

  function unsubscribe(wanted: readonly Wanted[] | null, ack: Ack | null): void {
    const leaving = wanted === null ? [...rates.keys()] : wanted.flatMap(({ symbol }) => symbol ?? []);
    for (const symbol of leaving) {
      leaveRoom(symbol);
      rates.delete(symbol);
    }
    ack?.({ ok: true, symbols: [...rates.keys()] });
  }

  const calls: Record<string, (payload: unknown[], ack: Ack | null) => void> = {
    subscribe: (payload, ack) => {
      const parsed = parseSubscribe(payload);
      if (parsed.ok) inTurn(ack, () => subscribe(parsed.value, ack), parsed.value.wanted.length);
      else inTurn(ack, () => refuse(ack, parsed.refusal));
    },
    unsubscribe: (payload, ack) => {
      const parsed = parseUnsubscribe(payload);
      if (parsed.ok) inTurn(ack, () => unsubscribe(parsed.value, ack), parsed.value?.length);
      else inTurn(ack, () => refuse(ack, parsed.refusal));
    },
  };

  // One listener for every event, so that an unknown one is answered too and none is ever looked up on a prototype.
  socket.onAny((...args: unknown[]) => {
    const last = args.at(-1);
    const ack = isAck(last) ? last : null;
    if (ack !== null) args.pop();
    // A number, or nothing at all, may stand where the name belongs.
    const [event, ...payload] = args;
    const call = typeof event === 'string' && Object.hasOwn(calls, event) ? calls[event] : undefined;
    if (call === undefined) inTurn(ack, () => refuse(ack, refusal('unknown_event')));
    else call(payload, ack);
  });
  // A client may emit an event of this name, and an emitter without a listener for it throws.
  socket.on('error', () => {});

  socket.emit('hello', hello);
  socket.emit('feed', feed);
  return { socket };
}

/** Socket.IO puts a function last where the client waits for an answer; nothing else that a client sends is one. */
function isAck(value: unknown): value is Ack {
  return typeof value === 'function';
}
