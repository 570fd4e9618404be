/**
 * The symbols of one connection. Subscribing ends in one synchronous step (answer, snapshot, join), so that no tick is missing
 * and none comes twice. A class: thousands of them wait for most of their time. Knows no calls and no limits of them. Keeps SPEC.md [SB1] to [SB6].
 */
import {
  refusal,
  tickRoom,
  type CodeName,
  type Quote,
  type Refusal,
  type SubscribeResult,
  type Tick,
} from '../../protocol/index.ts';
import type { CallBudgets } from './call-budgets.ts';
import type { Client } from './client.ts';
import { JsonText, SnapshotText } from './json-text.ts';
import { missedAsOne, replay, type ReplayOptions } from './replay.ts';
import type { SubscribeCall, Wanted } from './subscribe-request.ts';
import type { Prices, Streams } from './streams.ts';
import { answerText, type SetTexts, type SymbolTexts } from './symbol-texts.ts';

/** What the subscriptions of all connections share. */
export interface SubscriptionsStage {
  /** The most symbols that a connection may have. */
  maxSubscriptions: number;
  /** Null where it is listed. */
  whyUnlisted: (symbol: string) => 'unknown_symbol' | 'retired' | null;
  textsOf: (head: Quote) => SymbolTexts;
  /** Are charged for missed ticks that are sent again. */
  callBudgets: Pick<CallBudgets, 'charge'>;
  textsOfSet: (list: readonly SymbolTexts[]) => SetTexts;
  prices: Prices;
  streams: Streams;
  /** Fires for each symbol that a client asked to go on with. */
  onRecovery: (isRecovered: boolean, replayed: number) => void;
  /** Fires for each call, or symbol of one, that is refused, with its code's name. */
  onRefused: (socketId: string, name: string) => void;
}

/** Missed ticks that cost as much as a call: about 20 KB. */
const ticksPerCall = 200;

/** Of everyone who has asked for nothing yet. */
const noRates = new Map<string, number>();

/** Belongs to its session, which asks `whyTooMany` before each `take` and begins none before the last is done. */
export class Subscriptions {
  readonly #socket: Client;
  readonly #stage: SubscriptionsStage;
  /** The rate of each symbol. */
  #rates = noRates;
  #isOver = false;

  constructor(socket: Client, stage: SubscriptionsStage) {
    this.#socket = socket;
    this.#stage = stage;
  }

  symbols(): string[] {
    return [...this.#rates.keys()];
  }

  /** The room of the symbol's ticks at the rate at which it has them, whether or not it has joined already; null where it has not subscribed. */
  roomOf(symbol: string): string | null {
    const everyMs = this.#rates.get(symbol);
    return everyMs === undefined ? null : tickRoom(symbol, everyMs);
  }

  /** Why it may not have all of these too; null where it may. */
  whyTooMany(wanted: readonly Wanted[]): Refusal | null {
    const tooMany = this.#firstBeyondLimit(wanted);
    return tooMany === null
      ? null
      : refusal(
          'too_many_subscriptions',
          `at most ${this.#stage.maxSubscriptions} symbols on one connection: ${tooMany} is one more`,
        );
  }

  /** Calls `answer` once, unless it is over before. Done when it returns, unless a position is ahead of this replica or ticks are replayed. */
  take(call: SubscribeCall, answer: (text: JsonText) => void): void | Promise<void> {
    const { prices } = this.#stage;
    for (const [symbol, position] of call.since)
      if (prices.isAhead(symbol, position)) return prices.caughtUp().then(() => this.#begin(call, answer));
    return this.#begin(call, answer);
  }

  /** Those whose ticks it receives now; not those that it still receives missed ticks of. */
  joined(): string[] {
    const { rooms } = this.#socket;
    return this.symbols().filter((symbol) => rooms.has(this.roomOf(symbol) ?? ''));
  }

  /** No tick of these symbols comes any more; those that it does not have are no error. */
  drop(symbols: readonly string[]): void {
    for (const symbol of symbols) {
      this.#leaveRoom(symbol);
      this.#rates.delete(symbol);
    }
  }

  /** From now on it joins no room; what it has joined, others leave. */
  end(): void {
    this.#isOver = true;
    this.#rates.clear();
  }

  /** Listed, and permitted. */
  #mayHave(symbol: string): boolean {
    return this.#stage.whyUnlisted(symbol) === null && this.#socket.data.identity.maySee(symbol);
  }

  /** Answers, sends the snapshot and joins. */
  #begin({ wanted, everyMs, since }: SubscribeCall, answer: (text: JsonText) => void): void | Promise<void> {
    if (this.#isOver) return undefined;

    // From here to the join nothing may wait: a tick that passes in between would be lost, or come twice.
    const { prices, streams, textsOf } = this.#stage;
    streams.beforeSnapshot(
      this.#socket.id,
      wanted.flatMap(({ symbol }) => symbol ?? []),
    );
    /** Where every symbol begins at its head and there are no others: what all who ask for the same are told. */
    let together: SymbolTexts[] | null = this.#rates.size === 0 ? [] : null;
    const results: string[] = [];
    const quotes: string[] = [];
    const joining: string[] = [];
    const merged: Tick[] = [];
    const replays: ReplayOptions[] = [];
    let replayedTicks = 0;
    for (const { key, symbol } of wanted) {
      if (symbol === null) results.push(this.#fail(key, 'bad_symbol'));
      else if (!this.#mayHave(symbol))
        results.push(this.#fail(key, this.#stage.whyUnlisted(symbol) ?? 'symbol_not_permitted'));
      else if (!prices.areKnown()) results.push(this.#fail(key, 'store_unavailable'));
      else {
        const quote = prices.quote(symbol);
        const texts = quote === null ? null : textsOf(quote);
        const position = since.get(symbol);
        const one = position === undefined || everyMs === 0 ? null : missedAsOne(symbol, position, prices);
        const missed = position === undefined || everyMs > 0 ? null : prices.missedCount(symbol, position);
        const replayed = one?.length ?? missed;
        if (position !== undefined) this.#stage.onRecovery(replayed !== null, replayed ?? 0);
        // Still a member, it would get what is new before what is old.
        this.#leaveRoom(symbol);
        if (position !== undefined && missed !== null) {
          replayedTicks += missed;
          replays.push({
            socket: this.#socket,
            symbol,
            position,
            prices,
            maxSlice: () => streams.sliceFor(this.#socket.id),
            // Retired meanwhile, it is not joined any more.
            isOver: () => this.#isOver || !this.#rates.has(symbol),
            write: (slice) => streams.writeTo(this.#socket.id, slice),
            sendSnapshot: (reason) => this.#sendSnapshot(symbol, reason),
          });
        } else {
          if (one !== null) merged.push(...one);
          else if (texts !== null) quotes.push(texts.quote);
          joining.push(symbol);
        }
        const isPlain = texts !== null && replayed === null && everyMs === 0;
        if (isPlain) together?.push(texts);
        results.push(
          isPlain
            ? texts.result
            : resultText(key, {
                ok: true,
                gen: prices.gen() ?? '',
                seq: prices.seq(symbol),
                everyMs,
                recovered: replayed !== null,
                replayed: replayed ?? 0,
              }),
        );
        this.#setRate(symbol, everyMs);
      }
    }
    if (together?.length !== results.length || together.length === 0) together = null;
    const told =
      together === null
        ? {
            answer: answerText([...this.#rates.keys()], results),
            snapshot: new SnapshotText(quotes, 'subscribe'),
          }
        : this.#stage.textsOfSet(together);
    if (replayedTicks > 0) this.#stage.callBudgets.charge(this.#socket.conn, replayedTicks / ticksPerCall);
    answer(new JsonText(told.answer));
    if (joining.length === 0 && replays.length === 0) return undefined;
    emitText(this.#socket, 'snapshot', told.snapshot);
    const taken = merged.length === 0 ? undefined : streams.writeTo(this.#socket.id, merged);
    this.#joinRooms(joining, everyMs);
    return taken === undefined && replays.length === 0 ? undefined : this.#replayAll(taken, replays);
  }

  #setRate(symbol: string, everyMs: number): void {
    if (this.#rates === noRates) this.#rates = new Map();
    this.#rates.set(symbol, everyMs);
  }

  async #replayAll(taken: Promise<void> | undefined, replays: readonly ReplayOptions[]): Promise<void> {
    await taken;
    for (const one of replays) await replay(one);
  }

  /** The first new symbol that this session may not have too, or null. */
  #firstBeyondLimit(wanted: readonly Wanted[]): string | null {
    let left = this.#stage.maxSubscriptions - this.#rates.size;
    for (const { symbol } of wanted) {
      if (symbol === null || this.#rates.has(symbol) || !this.#mayHave(symbol)) continue;
      if (left === 0) return symbol;
      left--;
    }
    return null;
  }

  #joinRooms(symbols: readonly string[], everyMs: number): void {
    const join = (symbol: string): void => {
      if (this.#socket.connected && this.#rates.get(symbol) === everyMs)
        void this.#socket.join(tickRoom(symbol, everyMs));
    };
    const free = symbols.filter((symbol) =>
      this.#stage.streams.enter(symbol, everyMs, this.#socket.id, () => join(symbol)),
    );
    void this.#socket.join(free.map((symbol) => tickRoom(symbol, everyMs)));
  }

  #leaveRoom(symbol: string): void {
    const everyMs = this.#rates.get(symbol);
    if (everyMs !== undefined) void this.#socket.leave(tickRoom(symbol, everyMs));
  }

  #sendSnapshot(symbol: string, reason: 'gap' | 'generation'): void {
    const quote = this.#stage.prices.quote(symbol);
    if (quote !== null)
      emitText(this.#socket, 'snapshot', new SnapshotText([this.#stage.textsOf(quote).quote], reason));
  }

  /** Gives the entry of the symbol in the results. */
  #fail(key: string, name: CodeName): string {
    this.#stage.onRefused(this.#socket.id, name);
    return resultText(key, { ok: false, ...refusal(name) });
  }
}

function resultText(key: string, result: SubscribeResult): string {
  return `${JSON.stringify(key)}:${JSON.stringify(result)}`;
}

/** Where somebody in this process watches what goes out, as what it stands for. */
export function emitText(socket: Client, event: 'hello' | 'feed' | 'snapshot', payload: JsonText): void {
  const isWatched = socket.listenersAnyOutgoing().length > 0;
  socket.emit(event, isWatched ? payload.toJSON() : payload);
}
